package roster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/etcdclient"
)

// registryConfig is what decides which mirror a block reads: blocks that agree
// on it share one.
type registryConfig struct {
	etcd       etcdclient.Config
	prefix     string
	namespaces []string // in order, each once; none means all
	// keeping is how the mirrors are kept. Blocks that share them must agree on
	// it.
	keeping keeping
}

// poolKey identifies a mirror in the pool: a reload that changes how one is kept
// starts another, which takes over what the one before knows.
func (c *registryConfig) poolKey() string { return fmt.Sprintf("%s\x00%+v", c.key(), c.keeping) }

// key identifies a registry: blocks where it is equal share its mirrors.
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

// nests reports whether the keys of one registry lie among those of the other.
// An etcd cluster that has a member in common with another is the same.
func (c *registryConfig) nests(other *registryConfig) bool {
	isOther := func(endpoint string) bool { return slices.Contains(other.etcd.Endpoints, endpoint) }
	return slices.ContainsFunc(c.etcd.Endpoints, isOther) && c.prefix != other.prefix &&
		(strings.HasPrefix(c.prefix, other.prefix+"/") || strings.HasPrefix(other.prefix, c.prefix+"/"))
}

// String names the registry in messages, without its credentials.
func (c *registryConfig) String() string {
	s := fmt.Sprintf("%q at %q", c.prefix, c.etcd.Endpoints)
	if len(c.namespaces) > 0 {
		s += fmt.Sprintf(", namespaces %q", c.namespaces)
	}
	return s
}

// prefixes returns what the mirrored keys start with.
func (c *registryConfig) prefixes() []string {
	if len(c.namespaces) == 0 {
		return []string{c.prefix + "/"}
	}
	var out []string
	for _, n := range c.namespaces {
		out = append(out, catalog.NamespacePrefix(c.prefix, n))
	}
	return out
}

// pool holds the mirrors of the process. They outlive the Corefile that asked
// for them first, so that a reload that leaves a registry as it is keeps its
// contents. It is safe for concurrent use.
type pool struct {
	// changing makes acquire and release one step each. They read and write
	// snapshots, for which a disk can take any time.
	changing sync.Mutex
	mu       sync.Mutex           // held briefly, also while metrics are scraped
	mirrors  map[string]*mirrored // changed with both held
}

// mirrors are those of this process. A reload makes new handlers before it lets
// the old ones go, so that only something beyond both can hand mirrors over.
var mirrors = func() *pool {
	p := &pool{mirrors: map[string]*mirrored{}}
	//nolint:forbidigo // promauto can't register a collector of our own
	prometheus.MustRegister(collector{p})
	return p
}()

// acquire returns the mirror of a registry, which it starts unless there is one.
// Those of the same Corefile are beside it.
func (p *pool) acquire(c *registryConfig, beside ...*registryConfig) (*mirrored, error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	key := c.poolKey()
	m, ok := p.mirrors[key]
	if !ok {
		var err error
		if m, err = startMirrored(c, p.predecessor(c, beside), p.holder(c.keeping.snapshot) != nil); err != nil {
			return nil, err
		}
		p.mu.Lock()
		p.mirrors[key] = m
		p.mu.Unlock()
	}
	m.users++
	return m, nil
}

// predecessor returns the mirror that another takes the place of in a reload:
// that of the same registry if only how it is kept has changed, else the one of
// the same prefix that is furthest; nil if there is none. Those beside it go on:
// with another endpoint, theirs is another history.
func (p *pool) predecessor(c *registryConfig, beside []*registryConfig) *mirrored {
	goesOn := map[string]bool{}
	for _, other := range beside {
		goesOn[other.poolKey()] = true
	}
	var last *mirrored
	for key, m := range p.mirrors {
		switch {
		case m.config.key() == c.key():
			return m
		case m.config.prefix != c.prefix || goesOn[key]:
		case last == nil || m.Load().FullSerial() > last.Load().FullSerial():
			last = m
		}
	}
	return last
}

// holder returns a mirror whose snapshot is the file; nil if there is none.
func (p *pool) holder(path string) *mirrored {
	if path == "" {
		return nil
	}
	for _, m := range p.mirrors {
		if sameFile(m.config.keeping.snapshot, path) {
			return m
		}
	}
	return nil
}

// release gives up what acquire returned; the last user stops the mirror. Its
// snapshot goes to the mirror that waits for the file, which overwrites it at
// once.
func (p *pool) release(c *registryConfig) {
	p.changing.Lock()
	defer p.changing.Unlock()
	key := c.poolKey()
	m := p.mirrors[key]
	if m.users--; m.users > 0 {
		return
	}
	p.mu.Lock()
	delete(p.mirrors, key)
	p.mu.Unlock()
	m.stop()
	if next := p.holder(c.keeping.snapshot); next != nil && !m.fileTaken.Load() {
		next.fileTaken.Store(false)
		next.touch()
	}
	if !p.keeps(m.observer) {
		m.observer.snapshotEnded()
	}
}

// keeps reports whether a mirror with these labels has a snapshot.
func (p *pool) keeps(o observer) bool {
	for _, m := range p.mirrors {
		if m.observer == o && m.config.keeping.snapshot != "" {
			return true
		}
	}
	return false
}

// all returns the mirrors by the labels of their metrics; where two differ only
// in how they log in, one of them, and always the same.
func (p *pool) all() map[observer]*mirrored {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := map[observer]*mirrored{}
	for _, key := range slices.Sorted(maps.Keys(p.mirrors)) {
		m := p.mirrors[key]
		if _, twice := shown[m.observer]; !twice {
			shown[m.observer] = m
		}
	}
	return shown
}
