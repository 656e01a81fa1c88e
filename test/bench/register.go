package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"

	_ "github.com/rosterdns/roster/registrar/etcd" // the driver
)

const (
	// registeredTTL is that of the lease of registered instances.
	registeredTTL = 6 * time.Second
	// thirds of the TTL are waited for: a keepalive each, and perhaps one at both ends.
	thirds = 6
)

// register measures a process that registers many instances.
func register() experiment {
	return experiment{name: "register", run: runRegister, rows: []table.Row{
		{ID: "register/time", What: "10,000 instances registered by one process", Unit: "x bare transactions", Bar: table.AtMost(1.5)},
		{ID: "register/keepalives", What: "then keepalives in six thirds of the TTL", Unit: "in all", Bar: table.AtMost(thirds + 1)},
		{ID: "seconds/transactions", What: "10,000 puts in bare transactions of 128", Unit: "s"},
		{ID: "seconds/register", What: "10,000 instances registered", Unit: "s"},
	}}
}

func runRegister(ctx context.Context, m *measurement) error {
	etcd, err := m.kit.Etcd(ctx)
	if err != nil {
		return err
	}
	defer etcd.Stop()
	data := m.small()
	return m.eachRound(ctx, func(ctx context.Context, n int) error {
		bare, err := transactions(ctx, etcd, data, fmt.Sprintf("/bare%d", n))
		if err != nil {
			return err
		}
		registered, keepalives, err := registerAll(ctx, etcd, data, fmt.Sprintf("/registered%d", n))
		if err != nil {
			return err
		}
		m.add("seconds/transactions", bare.Seconds())
		m.add("seconds/register", registered.Seconds())
		m.add("register/time", ratio(registered, bare))
		m.add("register/keepalives", keepalives)
		return nil
	})
}

// transactions puts all instances under one lease, one transaction after the other.
func transactions(ctx context.Context, etcd *peers.Etcd, data load.Dataset, prefix string) (time.Duration, error) {
	start := time.Now()
	lease, err := etcd.Client.Grant(ctx, int64(time.Hour.Seconds()))
	if err != nil {
		return 0, err
	}
	var ops []clientv3.Op
	commit := func() error {
		_, err := etcd.Client.Txn(ctx).Then(ops...).Commit()
		ops = ops[:0]
		return err
	}
	for key, value := range data.Registry(prefix) {
		if ops = append(ops, clientv3.OpPut(key, value, clientv3.WithLease(lease.ID))); len(ops) == load.MaxPuts {
			if err := commit(); err != nil {
				return 0, err
			}
		}
	}
	if len(ops) > 0 {
		if err := commit(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// registerAll registers the same instances by the library, service by service, and then
// counts keepalives.
func registerAll(ctx context.Context, etcd *peers.Etcd, data load.Dataset, prefix string) (took time.Duration, keepalives float64, err error) {
	start := time.Now()
	client, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints(etcd.Endpoint), registrar.WithPrefix(prefix), registrar.WithLeaseTTL(registeredTTL))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	var g errgroup.Group
	for n := range data.Services {
		g.Go(func() error { return client.Register(ctx, service(data, n)) })
	}
	if err := errors.Join(g.Wait(), client.Wait(ctx)); err != nil {
		return 0, 0, err
	}
	took = time.Since(start)
	before, err := etcd.Requests(ctx, keepalive)
	if err != nil {
		return 0, 0, err
	}
	if err := sleep(ctx, thirds*registeredTTL/3); err != nil {
		return 0, 0, err
	}
	after, err := etcd.Requests(ctx, keepalive)
	return took, after - before, err
}

// keepalive is the gRPC method that renews a lease.
const keepalive = "LeaseKeepAlive"

// service is the n-th service of the data.
func service(data load.Dataset, n int) *registrar.Service {
	s := &registrar.Service{Namespace: load.Namespace, Name: data.Service(n)}
	for i := range data.Each {
		s.Instances = append(s.Instances, registrar.Instance{
			ID:        strconv.Itoa(i),
			Addresses: []netip.Addr{netip.MustParseAddr(load.Address(n*data.Each + i))},
			Ports:     []registrar.Port{{Name: "http", Port: load.Port}},
			Metadata:  map[string]string{"version": "1.2.3", "zone": "a"},
		})
	}
	return s
}
