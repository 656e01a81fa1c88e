package roster

import (
	"fmt"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/replica"
)

// registryConfig is what decides which replica a block reads: blocks that agree on
// it share one.
type registryConfig struct {
	etcd       etcdclient.Config
	prefix     string
	namespaces []string // in order, each once; none means all
	// retention is what blocks that share a replica must agree on.
	retention retention
	// presentation identifies what the answers of all blocks that share the replica
	// depend on besides. It decides nothing about the replica but its serial.
	presentation string
}

// retention is what is retained of a registry when etcd has it no more, or is away.
type retention struct {
	snapshot   string        // absolute path, as stated; empty for none
	file       string        // the same without symbolic links in its folder: equal for one file
	maxAge     time.Duration // of a snapshot that is loaded
	protect    int           // percent of instances whose expiry is a mass expiry; 0 for no guard
	protectFor time.Duration
	keepLast   time.Duration // of services whose policy states none; 0 for not at all
}

// poolKey identifies a replica in the pool: a reload that changes its retention
// starts another, which takes over what the one before knows.
func (c *registryConfig) poolKey() string {
	k := &c.retention
	return fmt.Sprint(c.key(), "\x00", k.file, "\x00", k.maxAge, k.protect, k.protectFor, k.keepLast)
}

// key identifies a registry: blocks where it is equal share its replica.
func (c *registryConfig) key() string {
	var files etcdclient.TLSFiles
	if c.etcd.Files != nil {
		files = *c.etcd.Files
	}
	return strings.Join([]string{
		strings.Join(c.etcd.Endpoints, " "), c.prefix, strings.Join(c.namespaces, " "),
		c.etcd.Username, c.etcd.Password, c.etcd.CredentialsFile,
		files.Cert, files.Key, files.CA,
	}, "\x00")
}

// String names the registry in messages, without its credentials.
func (c *registryConfig) String() string {
	s := fmt.Sprintf("%q at %q", c.prefix, c.etcd.Endpoints)
	if len(c.namespaces) > 0 {
		s += fmt.Sprintf(", namespaces %q", c.namespaces)
	}
	return s
}

// ranges returns the parts of the registry that are followed.
func (c *registryConfig) ranges() []string {
	if len(c.namespaces) == 0 {
		return []string{""}
	}
	var out []string
	for _, n := range c.namespaces {
		out = append(out, n+"/")
	}
	return out
}

// snapshotWait is how long a replica waits for its snapshot before it reads etcd
// without: long, since the SOA serial can go back where that is not known.
const snapshotWait = 5 * time.Second

// replica returns the configuration of the registry's replica.
func (c *registryConfig) replica() replica.Config {
	return replica.Config{
		Etcd: c.etcd, Prefix: c.prefix, Ranges: c.ranges(),
		Snapshot: c.retention.snapshot, SnapshotMaxAge: c.retention.maxAge, SnapshotWait: snapshotWait,
		Protect: c.retention.protect, ProtectFor: c.retention.protectFor, KeepLast: c.retention.keepLast,
		Presentation: c.presentation,
	}
}
