package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
)

const (
	// probeRate is how many of the changes are waited for, in turn.
	probeRate = 50
	// minProbes make a p99 out of more than the slowest one.
	minProbes = 200
	// probeTime bounds the wait for a change to be seen.
	probeTime = 10 * time.Second
)

// visible measures how long changes to one instance take from the put until DNS has them,
// and until a bare watch of the registry has them.
func (m *measurement) visible(ctx context.Context, r *registry, s *peers.Server) error {
	ctx, cancel := context.WithCancel(ctx)
	seen := watchSeen(ctx, r)
	defer func() {
		cancel()
		for range seen { // until the watcher has ended
		}
	}()
	var answered, watched []time.Duration
	probes := max(minProbes, probeRate*int(m.duration.Seconds()))
	pace := time.NewTicker(time.Second / probeRate)
	defer pace.Stop()
	for n := range probes {
		<-pace.C
		p := probe{r: r, s: s, value: load.Value(load.Address(1<<23 + n)), address: load.Address(1<<23 + n)}
		put, err := p.run(ctx)
		if err != nil {
			return err
		}
		answered = append(answered, put.answered)
		at, err := p.awaitSeen(ctx, seen)
		if err != nil {
			return err
		}
		watched = append(watched, at.Sub(put.start))
	}
	dnsP99, watchP99 := p99(answered), p99(watched)
	m.add("p99/put-to-answer", millis(dnsP99))
	m.add("p99/put-to-watch", millis(watchP99))
	m.add("changes/visible", millis(dnsP99-watchP99))
	return nil
}

// p99 returns what all but a hundredth of the times are not above.
func p99(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)*99/100]
}

// event is the change of an instance as a bare watch saw it.
type event struct {
	value string
	at    time.Time
}

// probed is the instance whose changes are waited for.
const probed = 0

// watchSeen watches the registry, and sends the changes of the probed instance until ctx is
// done.
func watchSeen(ctx context.Context, r *registry) <-chan event {
	seen := make(chan event, 1)
	// Opened here, so that no probe is before it.
	responses := r.Client.Watch(clientv3.WithRequireLeader(ctx), rosterPrefix+"/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	<-responses
	go func() {
		defer close(seen)
		key := r.data.Key(rosterPrefix, probed)
		for response := range responses {
			at := time.Now()
			for _, ev := range response.Events {
				if string(ev.Kv.Key) == key {
					select {
					case seen <- event{string(ev.Kv.Value), at}:
					case <-ctx.Done():
					}
				}
			}
		}
	}()
	return seen
}

// probe is one change.
type probe struct {
	r              *registry
	s              *peers.Server
	value, address string
}

// outcome is when a change was sent, and how long it took until DNS had it.
type outcome struct {
	start    time.Time
	answered time.Duration
}

// run puts the value, and asks for its address until it is there.
func (p *probe) run(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	put := make(chan error, 1)
	start := time.Now()
	go func() {
		_, err := p.r.Client.Put(ctx, p.r.data.Key(rosterPrefix, probed), p.value, clientv3.WithIgnoreLease())
		put <- err
	}()
	err := p.s.WaitFor(ctx, probePause, p.shown)
	took := time.Since(start)
	if e := <-put; e != nil {
		return outcome{}, e
	}
	return outcome{start, took}, err
}

// probePause is the time between two questions: what a change can seem later than it is.
const probePause = 100 * time.Microsecond

func (p *probe) shown(ctx context.Context) error {
	m, err := p.s.Ask(ctx, peers.Question{Name: p.r.data.Host(probed), Type: dns.TypeA})
	if err != nil {
		return err
	}
	for _, rr := range m.Answer {
		if strings.HasSuffix(rr.String(), "\t"+p.address) {
			return nil
		}
	}
	return fmt.Errorf("no %s among %v", p.address, m.Answer)
}

// awaitSeen waits until the watch has the value. Random changes to the same instance are
// passed over.
func (p *probe) awaitSeen(ctx context.Context, seen <-chan event) (time.Time, error) {
	timeout := time.After(probeTime)
	for {
		select {
		case ev, ok := <-seen:
			if !ok {
				return time.Time{}, fmt.Errorf("the watch ended: %w", ctx.Err())
			}
			if ev.value == p.value {
				return ev.at, nil
			}
		case <-timeout:
			return time.Time{}, fmt.Errorf("a watch did not see %s in %v", p.value, probeTime)
		}
	}
}
