package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/bench/peers"
)

// watchersPerServer makes more watches than servers fit into a machine.
const watchersPerServer = 20

// watchers has bare watches of one etcd, each on a connection of its own, in place of servers.
func (o *options) watchers() scenario {
	return scenario{
		name: "watchers", title: fmt.Sprintf("Bare watches × changes a second on one etcd, %s instances", o.changedSize()),
		columns: []column{
			{keyChanges, "Changes made /s"},
			{keyEtcd, "etcd, % of a processor"},
			{keyMemory, "etcd's memory for each, KiB"},
			{keyBusy, "machine busy, %"},
		},
		rows: crowdRows("watchers", []int{watchersPerServer * o.servers}, slices.Compact([]int{0, o.changes / 100, o.changes / 20})),
		run:  runWatchers,
	}
}

func runWatchers(ctx context.Context, m *measurement, rows []row) error {
	etcd, err := m.filled(ctx, m.changed())
	if err != nil {
		return err
	}
	defer etcd.Stop()
	before, err := etcd.Memory()
	if err != nil {
		return err
	}
	stop, err := watchMany(ctx, etcd, rows[0].Servers)
	if err != nil {
		return err
	}
	defer stop()
	for _, r := range rows {
		f := figures{}
		of := roles{keyEtcd: oneOf(etcd.Process)}
		f[keyChanges], err = writes{etcd, m.changed(), r.Changes}.during(ctx, func(ctx context.Context) error {
			if err := sleep(ctx, settle); err != nil {
				return err
			}
			taken, err := of.over(func() error { return sleep(ctx, m.duration) })
			f[keyEtcd], f[keyBusy] = taken.cpu[keyEtcd], taken.busy
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		now, err := etcd.Memory()
		if err != nil {
			return err
		}
		f[keyMemory] = float64(now.Now-before.Now) / (1 << 10) / float64(r.Servers)
		m.record(r, f)
	}
	return nil
}

// watchMany opens watches of the registry, each by a client of its own, and returns what ends
// them.
func watchMany(ctx context.Context, etcd *peers.Etcd, watches int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var (
		clients []*clientv3.Client
		wg      sync.WaitGroup
	)
	stop = func() {
		cancel()
		wg.Wait()
		for _, client := range clients {
			_ = client.Close() // it was only read from
		}
	}
	for range watches {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{etcd.Endpoint}, Logger: zap.NewNop()})
		if err != nil {
			stop()
			return nil, err
		}
		clients = append(clients, client)
		responses := client.Watch(clientv3.WithRequireLeader(ctx), prefix+"/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
		<-responses
		wg.Go(func() {
			for range responses {
			}
		})
	}
	return stop, nil
}
