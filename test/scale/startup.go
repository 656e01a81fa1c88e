package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
)

const (
	keySeconds  = "seconds"
	keyEtcdTime = "etcd time" // seconds of a processor
	keyTime     = "server time"
	keyEtcdPeak = "etcd peak" // MiB
	keyPeak     = "peak"
	keyAfter    = "after"
	keyDatabase = "database"
	keyList     = "list"
)

// startup has servers that start at once.
func (o *options) startup() scenario {
	return scenario{
		name: "start", title: "Servers that start at once × instances, until all answer",
		columns: []column{
			{keySeconds, "s until all have the registry"},
			{keyEtcdTime, "etcd, s of a processor"},
			{keyTime, "each server, s of a processor"},
			{keyList, "MiB to each server"},
			{keyPeak, "each server's memory, peak, MiB"},
			{keyAfter, "30 s later, MiB"},
			{keyEtcdPeak, "etcd's memory, peak, MiB"},
			{keyDatabase, "etcd's database, MiB"},
		},
		rows: o.startRows(),
		run:  runStartup,
	}
}

func (o *options) startRows() (rows []row) {
	steps := o.steps()
	for _, one := range []struct {
		instances int
		servers   []int
	}{
		{o.instances / changing, steps},
		{o.instances / 10, steps[:min(2, len(steps))]},
		{o.instances, steps[:1]},
	} {
		for _, servers := range one.servers {
			rows = append(rows, row{ID: fmt.Sprintf("start/%dx%d", servers, one.instances), Servers: servers, Instances: one.instances})
		}
	}
	return rows
}

// runStartup measures rows in order, those of one registry next to one another.
func runStartup(ctx context.Context, m *measurement, rows []row) (err error) {
	var (
		etcd *peers.Etcd
		of   int // instances of it
	)
	defer func() {
		if etcd != nil {
			etcd.Stop()
		}
	}()
	for _, r := range rows {
		if of != r.Instances {
			if etcd != nil {
				etcd.Stop()
			}
			if etcd, err = m.filled(ctx, dataset(r.Instances)); err != nil {
				return err
			}
			of = r.Instances
		}
		f, err := m.startOnce(ctx, r, etcd)
		if err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		m.record(r, f)
	}
	return nil
}

// memorySettles is how long after the start resident memory is read: Go gives what the list
// took back to the system in the background.
const memorySettles = 30 * time.Second

func (m *measurement) startOnce(ctx context.Context, r row, etcd *peers.Etcd) (figures, error) {
	c, err := newCrowd(m.rosters(etcd.Endpoint))
	if err != nil {
		return nil, err
	}
	defer c.stop()
	before, err := etcd.CPU()
	if err != nil {
		return nil, err
	}
	took, err := c.grow(ctx, r.Servers)
	if err != nil {
		return nil, err
	}
	now, err := roles{keyEtcd: oneOf(etcd.Process), keyServer: c.servers}.reading()
	if err != nil {
		return nil, err
	}
	share := 1 / float64(r.Servers)
	f := figures{
		keySeconds: took.Seconds(), keyEtcdTime: (now.cpu[keyEtcd] - before).Seconds(),
		keyTime: now.cpu[keyServer].Seconds() * share, keyList: mib(now.read[keyServer]) * share,
	}
	peak, err := meanMemory(c.servers)
	if err != nil {
		return nil, err
	}
	of, err := etcd.Memory()
	if err != nil {
		return nil, err
	}
	f[keyPeak], f[keyEtcdPeak] = mib(peak.Peak), mib(of.Peak)
	database, err := etcd.Metric(ctx, "etcd_mvcc_db_total_size_in_bytes")
	if err != nil || r.Servers > 1 {
		return f, err
	}
	f[keyDatabase] = mib(int64(database))
	if err := sleep(ctx, memorySettles); err != nil {
		return nil, err
	}
	after, err := meanMemory(c.servers)
	f[keyAfter] = mib(after.Now)
	return f, err
}

// meanMemory returns the mean of what servers take.
func meanMemory(servers []*process.Process) (mean process.Memory, err error) {
	for _, s := range servers {
		m, err := s.Memory()
		if err != nil {
			return mean, err
		}
		mean.Now += m.Now / int64(len(servers))
		mean.Peak += m.Peak / int64(len(servers))
	}
	return mean, nil
}
