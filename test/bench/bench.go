package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
)

// The prefixes of keys in etcd: those of the registry, those that CoreDNS's etcd plugin
// reads, those that no server reads, and one without keys.
const (
	rosterPrefix = "/bench"
	skydnsPath   = "/skydns"
	otherPrefix  = "/other"
	emptyPrefix  = "/empty"
)

const (
	// each is how many instances a service has.
	each = 10
	// smallInstances is the registry that servers of all kinds are compared with.
	smallInstances = 10_000
)

// options are what the flags say.
type options struct {
	rounds    int
	instances int // of the large registry
	duration  time.Duration
	only      *regexp.Regexp // the IDs of rows
	source    string         // folder of the source tree
}

// bench has what experiments share.
type bench struct {
	options
	kit        peers.Kit
	driver     drive.Driver
	stderr     io.Writer
	registries map[load.Dataset]*registry
}

// registry is an etcd with a data set.
type registry struct {
	*peers.Etcd
	data load.Dataset
	dir  string // of files made from the data
}

// progress tells what is being done.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

// small is the data set that servers of all kinds are compared with.
func (b *bench) small() load.Dataset {
	return load.Dataset{Services: min(smallInstances, b.instances) / each, Each: each}
}

// large is the data set of the rows on scale.
func (b *bench) large() load.Dataset {
	return load.Dataset{Services: b.instances / each, Each: each}
}

// registry returns an etcd with a data set, the same one for the same data. It
// stays until the end: to fill it takes longer than most of what is measured.
func (b *bench) registry(ctx context.Context, data load.Dataset) (*registry, error) {
	if r := b.registries[data]; r != nil {
		return r, nil
	}
	b.progress("writing %d instances to etcd", data.Instances())
	dir, err := b.kit.Group.Dir("data")
	if err != nil {
		return nil, err
	}
	etcd, err := b.kit.Etcd(ctx)
	if err != nil {
		return nil, err
	}
	r := &registry{etcd, data, dir}
	if err := load.Fill(ctx, r.Client, data.Registry(rosterPrefix)); err != nil {
		r.Stop()
		return nil, err
	}
	b.registries[data] = r
	return r, nil
}

// questions returns the path of a file with a question for each service.
func (r *registry) questions(k load.Kind, skydns bool) (string, error) {
	name := "questions-" + k.Type
	if skydns {
		name += "-skydns"
	}
	return r.file(name, func(w io.Writer) error { return r.data.WriteQuestions(w, k, skydns) })
}

// zone returns the path of the data as a zone file.
func (r *registry) zone() (string, error) { return r.file("zone", r.data.WriteZone) }

// file returns the path of a file, which is written unless it is there.
func (r *registry) file(name string, write func(io.Writer) error) (path string, err error) {
	path = filepath.Join(r.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	if err := write(f); err != nil {
		_ = f.Close() // the first error counts
		return "", err
	}
	return path, f.Close()
}

// close stops what is left.
func (b *bench) close() error {
	for _, r := range b.registries {
		r.Stop()
	}
	return b.kit.Group.Close()
}
