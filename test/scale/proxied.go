package main

import (
	"context"
	"fmt"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
)

const (
	keyWatchers = "watchers"
	keyMemory   = "memory" // MiB
	keyCached   = "cached" // MiB
)

// proxied has the same servers behind etcd's gRPC proxy.
func (o *options) proxied() scenario {
	return scenario{
		name: "proxy", title: fmt.Sprintf("The same behind etcd's gRPC proxy, %s instances", o.changedSize()),
		columns: []column{
			{keyChanges, "Changes made /s"},
			{keyEtcd, "etcd, % of a processor"},
			{keyProxy, "proxy, %"},
			{keyServer, "each server, %"},
			{keyOctets, "octets/s to each server"},
			{keyP50, "visible at the last server, p50 ms"},
			{keyP99, "p99 ms"},
			{keyLive, "live servers"},
			{keyWatchers, "watches of etcd"},
			{keyMemory, "proxy's memory, MiB"},
			{keyCached, "for each list of a revision, MiB"},
			{keyBusy, "machine busy, %"},
		},
		rows: append(crowdRows("proxy", []int{o.servers}, o.proxiedRates()), row{ID: listsRow}),
		run:  runProxied,
	}
}

// proxiedRates has one more than rates, since two of those are too many for a machine with so
// many servers: the model can be fitted to three.
func (o *options) proxiedRates() []int {
	rates := o.rates()
	return slices.Compact(slices.Insert(rates, 1, o.changes/50))
}

func runProxied(ctx context.Context, m *measurement, rows []row) error {
	etcd, err := m.filled(ctx, m.changed())
	if err != nil {
		return err
	}
	defer etcd.Stop()
	proxy, err := m.kit.Proxy(ctx, etcd)
	if err != nil {
		return err
	}
	defer proxy.Stop()
	if i := slices.IndexFunc(rows, func(r row) bool { return r.ID == listsRow }); i >= 0 {
		if err := m.cachedLists(ctx, rows[i], etcd, proxy); err != nil {
			return fmt.Errorf("%s: %w", listsRow, err)
		}
		rows = slices.Delete(rows, i, i+1)
	}
	of := roles{keyEtcd: oneOf(etcd.Process), keyProxy: oneOf(proxy.Process)}
	return m.eachOfCrowd(ctx, rows, etcd, m.rosters(proxy.Endpoint), of, func(f figures) error {
		memory, err := proxy.Memory()
		if err != nil {
			return err
		}
		f[keyMemory] = mib(memory.Now)
		f[keyWatchers], err = etcd.Metric(ctx, "etcd_debugging_mvcc_watcher_total")
		return err
	})
}

func mib(octets int64) float64 { return float64(octets) / (1 << 20) }

// listsRow is how much memory of the proxy each list takes, which it holds in its cache.
const listsRow = "proxy/lists"

// lists are what the memory is the mean of.
const lists = 40

// cachedLists lists the registry by way of the proxy as audits do, each at another revision.
func (m *measurement) cachedLists(ctx context.Context, r row, etcd *peers.Etcd, proxy *peers.Proxy) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{proxy.Endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer client.Close()
	var before, after process.Memory
	w := writes{etcd: etcd, data: m.changed()}
	for n := range lists + 1 {
		put, err := etcd.Client.Put(ctx, w.data.Key(prefix, w.probed(n)), load.Value(load.Address(n)), clientv3.WithIgnoreLease())
		if err != nil {
			return err
		}
		if _, err := client.Get(ctx, prefix+"/", clientv3.WithPrefix(), clientv3.WithRev(put.Header.Revision)); err != nil {
			return err
		}
		if n == 0 { // what it takes for the first is not for its cache alone
			if before, err = proxy.Memory(); err != nil {
				return err
			}
		}
	}
	if after, err = proxy.Memory(); err != nil {
		return err
	}
	m.record(r, figures{keyMemory: mib(after.Now), keyCached: mib(after.Now-before.Now) / lists})
	return nil
}
