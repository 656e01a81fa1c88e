package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
	"github.com/rosterdns/roster/test/bench/table"
)

// prefix is that of all registries.
const prefix = "/scale"

const (
	// each is how many instances a service has.
	each = 10
	// changing is the share of the largest registry's instances that the registry has
	// whose changes are measured: many servers of it fit into the memory of one machine.
	changing = 100
	// minInstances leave each of two clusters two services of it: one that is probed, and one that
	// changes.
	minInstances = 4 * each * changing
)

// bench has what scenarios share.
type bench struct {
	options
	kit    peers.Kit
	stderr io.Writer
	probes int // so far
}

// nextProbe numbers probes, so that each has an address that no instance has had.
func (b *bench) nextProbe() int {
	b.probes++
	return b.probes
}

// progress tells what is being done.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

// conditions says how and on what machine is measured.
func (o *options) conditions() string {
	return fmt.Sprintf("On %d processors (%s, %s/%s), Roster built with %s; each value over %v.",
		runtime.NumCPU(), process.Processor(), runtime.GOOS, runtime.GOARCH, runtime.Version(), o.duration)
}

// dataset is a registry of so many instances.
func dataset(instances int) load.Dataset {
	return load.Dataset{Services: instances / each, Each: each}
}

// changed is the registry whose changes are measured.
func (o *options) changed() load.Dataset { return dataset(o.instances / changing) }

// changedSize is how many instances it has, for titles.
func (o *options) changedSize() string { return table.Number(float64(o.changed().Instances())) }

// filled starts an etcd with a registry.
func (b *bench) filled(ctx context.Context, data load.Dataset) (*peers.Etcd, error) {
	b.progress("writing %d instances to etcd", data.Instances())
	etcd, err := b.kit.Etcd(ctx)
	if err != nil {
		return nil, err
	}
	if err := load.Fill(ctx, etcd.Client, data.Registry(prefix)); err != nil {
		etcd.Stop()
		return nil, err
	}
	return etcd, nil
}

// sleep waits, or returns ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
