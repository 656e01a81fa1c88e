package main

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/bench/load"
)

const (
	// probeRate is how many changes a second are waited for, one after the other.
	probeRate = 20
	// minProbes make a p99 out of more than the slowest one.
	minProbes = 100
	// probePause is the time between two questions: what a change can seem later than it is.
	probePause = time.Millisecond
	// probeTime bounds the wait for a change to be seen.
	probeTime = 20 * time.Second
	// probeAddress begins the addresses that tell one probe from another.
	probeAddress = 1 << 23
)

// visible returns how long each of some changes took from the put until the last server
// of an audience had it.
func (b *bench) visible(ctx context.Context, w writes, a *audience) ([]time.Duration, error) {
	probes := max(minProbes, probeRate*int(b.duration.Seconds()))
	took := make([]time.Duration, 0, probes)
	pace := time.NewTicker(time.Second / probeRate)
	defer pace.Stop()
	for range probes {
		<-pace.C
		one, err := probe(ctx, w, a, b.nextProbe())
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	return took, nil
}

// probe changes the address of an instance, and returns how long all servers took to have
// it. They are asked from when etcd has acknowledged the put: no server shows it much sooner,
// and questions would delay it.
func probe(ctx context.Context, w writes, a *audience, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	instance, address, start := w.probed(n), load.Address(probeAddress+n), time.Now()
	if _, err := w.etcd.Client.Put(ctx, w.data.Key(prefix, instance), load.Value(address), clientv3.WithIgnoreLease()); err != nil {
		return 0, err
	}
	err := a.await(ctx, w.data.Host(instance), dns.TypeA, probePause, has(address))
	return time.Since(start), err
}

// The quantiles that are reported.
const (
	median = 0.5
	slow   = 0.99
)

// quantile returns what that share of the times is not above, in milliseconds.
func quantile(took []time.Duration, share float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	at := min(int(share*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[at].Microseconds()) / 1000
}
