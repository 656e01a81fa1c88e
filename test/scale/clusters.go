package main

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
)

// keySecond is the second cluster's etcd.
const keySecond = "second"

// clusters has servers that read two clusters, each with a namespace, where fanout has one
// with all.
func (o *options) clusters() scenario {
	steps := o.steps()
	return scenario{
		name: "clusters", title: fmt.Sprintf("Servers × changes a second on two clusters, half of %s instances and of the changes on each", o.changedSize()),
		columns: []column{
			{keyChanges, "Changes made /s"},
			{keyEtcd, "first etcd, % of a processor"},
			{keySecond, "second etcd, %"},
			{keyServer, "each server, %"},
			{keyOctets, "octets/s to each server"},
			{keyP50, "visible at the last server, p50 ms"},
			{keyP99, "p99 ms"},
			{keyBusy, "machine busy, %"},
		},
		rows: crowdRows("clusters", steps[min(1, len(steps)-1):min(2, len(steps))], []int{o.changes / 2, o.changes}),
		run:  runClusters,
	}
}

// otherNamespace is that of the second cluster.
const otherNamespace = "jobs"

func runClusters(ctx context.Context, m *measurement, rows []row) error {
	data := dataset(m.changed().Instances() / 2)
	other := data
	other.In = otherNamespace
	var etcds [2]*peers.Etcd
	read := peers.Clusters{Namespaces: [2]string{load.Namespace, otherNamespace}, Prefix: prefix}
	for i, data := range []load.Dataset{data, other} {
		etcd, err := m.filled(ctx, data)
		if err != nil {
			return err
		}
		defer etcd.Stop()
		etcds[i], read.Endpoints[i] = etcd, etcd.Endpoint
	}
	c, err := newCrowd(func() (*peers.Server, error) { return m.kit.Clusters(ctx, read) })
	if err != nil {
		return err
	}
	defer c.stop()
	for _, r := range rows {
		if _, err := c.grow(ctx, r.Servers); err != nil {
			return err
		}
		of := roles{keyEtcd: oneOf(etcds[0].Process), keySecond: oneOf(etcds[1].Process), keyServer: c.servers}
		f, err := m.ofCrowd(ctx, c, of, []writes{{etcds[1], other, r.Changes / 2}, {etcds[0], data, r.Changes - r.Changes/2}})
		if err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		m.record(r, f)
	}
	return nil
}
