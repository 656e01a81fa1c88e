package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
)

const (
	keyPrimary     = "primary"
	keySecondary   = "secondary"
	keyIncremental = "incremental"
	keyWhole       = "whole"
)

// secondaries has other name servers that follow Roster by IXFR.
func (o *options) secondaries() scenario {
	s := scenario{
		name: "secondary", title: fmt.Sprintf("A secondary by IXFR, %s instances", o.changedSize()),
		columns: []column{
			{keyChanges, "Changes made /s"},
			{keyP50, "visible at the secondary, p50 ms"},
			{keyP99, "p99 ms"},
			{keyPrimary, "primary, % of a processor"},
			{keySecondary, "secondary, %"},
			{keyOctets, "octets/s to the secondary"},
			{keyIncremental, "incremental transfers"},
			{keyWhole, "whole ones"},
			{keyBusy, "machine busy, %"},
		},
		programs: func(f *flags) []*string { return []*string{&f.programs.Knot, &f.programs.NSD} },
		run:      runSecondaries,
	}
	for _, peer := range []string{peers.Knot, peers.NSD} {
		s.rows = append(s.rows, row{ID: fmt.Sprintf("secondary/%sx%d", peer, o.changes), Changes: o.changes, Peer: peer})
	}
	return s
}

// transferTime is how long a secondary is watched, at least.
const transferTime = 20 * time.Second

func runSecondaries(ctx context.Context, m *measurement, rows []row) error {
	etcd, err := m.filled(ctx, m.changed())
	if err != nil {
		return err
	}
	defer etcd.Stop()
	for _, r := range rows {
		f, err := m.secondary(ctx, r, etcd)
		if err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		m.record(r, f)
	}
	return nil
}

func (m *measurement) secondary(ctx context.Context, r row, etcd *peers.Etcd) (figures, error) {
	primary, secondary, err := m.kit.Replicated(ctx, peers.Roster{Endpoint: etcd.Endpoint, Prefix: prefix}, r.Peer)
	if err != nil {
		return nil, err
	}
	defer primary.Stop()
	defer secondary.Stop()
	f, w := figures{}, writes{etcd, m.changed(), r.Changes}
	of := roles{keyPrimary: oneOf(primary.Process), keySecondary: oneOf(secondary.Process)}
	f[keyChanges], err = w.during(ctx, func(ctx context.Context) error {
		if err := sleep(ctx, settle); err != nil {
			return err
		}
		before, err := secondary.Transfers()
		if err != nil {
			return err
		}
		var took []time.Duration
		taken, err := of.over(func() (err error) {
			took, err = m.lags(ctx, w, secondary.Server)
			return err
		})
		if err != nil {
			return err
		}
		after, err := secondary.Transfers()
		f[keyP50], f[keyP99] = quantile(took, median), quantile(took, slow)
		f[keyPrimary], f[keySecondary] = taken.cpu[keyPrimary], taken.cpu[keySecondary]
		f[keyOctets], f[keyBusy] = taken.written[keyPrimary], taken.busy
		f[keyIncremental], f[keyWhole] = float64(after.Incremental-before.Incremental), float64(after.Whole-before.Whole)
		return err
	})
	return f, err
}

const (
	// lagRate is how many changes a second are waited for, several at a time.
	lagRate = 5
	// lagPause is the time between two questions for a change.
	lagPause = 10 * time.Millisecond
)

// lags returns how long each of some changes took until the secondary had it. Each is to
// an instance of its own: etcd's next change of it would be another one.
func (b *bench) lags(ctx context.Context, w writes, s *peers.Server) ([]time.Duration, error) {
	var (
		g    errgroup.Group
		mu   sync.Mutex
		took []time.Duration
	)
	pace := time.NewTicker(time.Second / lagRate)
	defer pace.Stop()
	for range lagRate * int(max(b.duration, transferTime).Seconds()) {
		<-pace.C
		n := b.nextProbe()
		g.Go(func() error {
			one, err := lag(ctx, w, s, n)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, one)
			return err
		})
	}
	err := g.Wait()
	return took, err
}

func lag(ctx context.Context, w writes, s *peers.Server, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	instance, address, start := w.probed(n), load.Address(probeAddress+n), time.Now()
	if _, err := w.etcd.Client.Put(ctx, w.data.Key(prefix, instance), load.Value(address), clientv3.WithIgnoreLease()); err != nil {
		return 0, err
	}
	err := s.WaitFor(ctx, lagPause, func(ctx context.Context) error {
		m, err := s.Ask(ctx, peers.Question{Name: w.data.Host(instance), Type: dns.TypeA})
		if err == nil && !has(address)(m) {
			return fmt.Errorf("no %s among %v", address, m.Answer)
		}
		return err
	})
	return time.Since(start), err
}
