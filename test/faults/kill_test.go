package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// kills is how often the server is killed.
	kills = 100
	// killWithin is the longest time from when a server is ready to its end: the
	// first snapshot of its life is written then.
	killWithin = 150 * time.Millisecond
	// keptWithin is how old what a snapshot holds can be: the least time between
	// two of them, and what a busy machine adds.
	keptWithin = 4 * time.Second
	// countEvery is the pause between two changes.
	countEvery = 5 * time.Millisecond
)

// counter is an instance whose port is a number that rises with each write.
func counter(n int) harness.Instance {
	in := changing("counter", n)
	in.Service = "counters"
	return in
}

// counting writes the counter over and over, and remembers when.
type counting struct {
	mu      sync.Mutex
	sent    int // the last number that was sent to etcd
	written []time.Time
}

func (c *counting) run(ctx context.Context, client *clientv3.Client) error {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		c.mu.Lock()
		c.sent = n
		c.mu.Unlock()
		in := counter(n)
		for {
			// A stopped etcd answers late.
			_, err := in.Put(ctx, client, 0)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it is the test that ends
			}
			if err == nil {
				break
			}
		}
		c.mu.Lock()
		c.written = append(c.written, time.Now())
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// now returns the last number that was sent, and the last that etcd has
// acknowledged.
func (c *counting) now() (sent, written int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent, len(c.written)
}

// before returns the last number that etcd had acknowledged at a time.
func (c *counting) before(then time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.written)
	for n > 0 && c.written[n-1].After(then) {
		n--
	}
	return n
}

// counted is what DNS shows of the counter.
func counted(t *testing.T, c *harness.CoreDNS) (int, error) {
	t.Helper()
	in := counter(0)
	m, err := harness.Ask(t.Context(), c.Addr(t), harness.Question{
		Name: in.ID + "." + in.Service + "." + in.Namespace + "." + zone, Type: dns.TypeSRV, Size: harness.DefaultSize,
	})
	if err != nil {
		return 0, err
	}
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
		return 0, fmt.Errorf("answered %s", harness.Render(m))
	}
	return int(m.Answer[0].(*dns.SRV).Port), nil
}

// TestKilledWhileWriting kills the server over and over while its snapshot is
// written under a stream of changes: it always starts, and what it answers was
// true, and lately; with etcd stopped in every fourth round, so that the
// snapshot is all that it has.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	fill(t, e.Client(), 200)
	expected := probes(200)
	config := corefile(e.Endpoints, "snapshot {{dir}}/snapshot")
	count := &counting{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- count.run(ctx, e.Client()) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	harness.Eventually(t, harness.Patience, "a first number", func() error {
		_, written := count.now()
		return harness.True(written > 0)
	})
	r := &rig{etcd: e, dns: harness.NewCoreDNS(t)}
	r.dns.Launch(t, config)
	r.dns.WaitReady(t)
	r.keptSince(t, time.Now().Add(-time.Hour))

	var serial uint32
	slowest, oldest := time.Duration(0), time.Duration(0)
	for round := range kills {
		harness.Elapse(t, rand.N(killWithin))
		if harness.MirrorState(t, r.dns.Addr(t), zone, "live")() == nil {
			serial = r.serial(t)
		}
		alone := round%4 == 3
		if alone {
			e.Pause(t)
		}
		killed := time.Now()
		r.dns.Kill()
		known := count.before(killed.Add(-keptWithin))
		start := time.Now()
		r.dns.Launch(t, config)
		var first int
		harness.Eventually(t, harness.Patience, "a first answer", func() (err error) {
			first, err = counted(t, r.dns)
			return err
		})
		slowest = max(slowest, time.Since(start))
		if sent, _ := count.now(); first > sent || first < known {
			t.Errorf("round %d: first answer %d, want one of %d, known %v before the end, to %d", round, first, known, keptWithin, sent)
		}
		if alone {
			oldest = max(oldest, count.age(first, killed))
			if err := harness.Matches(t.Context(), r.dns.Addr(t), expected); err != nil {
				t.Errorf("round %d, from the snapshot alone: %v", round, err)
			}
			e.Continue(t)
		}
		_, written := count.now()
		harness.Eventually(t, harness.Patience, "the newest number", func() error {
			n, err := counted(t, r.dns)
			if err == nil && n < written {
				err = fmt.Errorf("%d, want %d at least", n, written)
			}
			return err
		})
		if now := r.serial(t); serial != 0 && !notBefore(now, serial) {
			t.Errorf("round %d: serial %d, before the end %d", round, now, serial)
		}
	}
	_, written := count.now()
	t.Logf("%d kills: slowest first answer %v after the start, oldest number from a snapshot alone %v old at the kill; %d changes", kills, slowest, oldest, written)
	if err := harness.Matches(t.Context(), r.dns.Addr(t), expected); err != nil {
		t.Errorf("in the end: %v", err)
	}
}

// age is how long before a time a number was replaced by the next one.
func (c *counting) age(n int, then time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n >= len(c.written) {
		return 0
	}
	return max(0, then.Sub(c.written[n]))
}
