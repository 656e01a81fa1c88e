package faults_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// writeAttempt bounds one try to write: an etcd that works takes milliseconds.
const writeAttempt = 500 * time.Millisecond

// changes writes one instance again and again, each time with another port, and
// measures how long a change takes to show.
type changes struct {
	r    *rig
	addr string
	in   harness.Instance
}

// newChanges takes an ID that no other changes have.
func newChanges(t *testing.T, r *rig, id string) *changes {
	t.Helper()
	c := &changes{r: r, addr: r.dns.Addr(t), in: changing(id, 1024)}
	r.remember(c.in.Key())
	return c
}

// write tries until etcd takes the next change.
func (c *changes) write(ctx context.Context) error {
	c.in.Ports[0].Port++
	for {
		attempt, cancel := context.WithTimeout(ctx, writeAttempt)
		_, err := c.in.Put(attempt, c.r.etcd.Client(), 0)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// shown is a condition: DNS shows the last change.
func (c *changes) shown(ctx context.Context) error {
	name := fmt.Sprintf("%s.%s.%s.%s", c.in.ID, c.in.Service, c.in.Namespace, zone)
	m, err := harness.Ask(ctx, c.addr, harness.Question{Name: name, Type: dns.TypeSRV, Size: harness.DefaultSize})
	if err != nil {
		return err
	}
	if len(m.Answer) == 1 {
		if srv, ok := m.Answer[0].(*dns.SRV); ok && int(srv.Port) == c.in.Ports[0].Port {
			return nil
		}
	}
	return fmt.Errorf("answered %s, want port %d", harness.Render(m), c.in.Ports[0].Port)
}

// next writes a change as soon as etcd takes it, and waits until it shows. It
// returns how long each of these took.
func (c *changes) next(t *testing.T, bound time.Duration) (written, shown time.Duration) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if err := c.write(ctx); err != nil {
		t.Fatalf("etcd takes no writes: %v", err)
	}
	written = time.Since(start)
	shown = harness.Eventually(t, bound, "the change in DNS", func() error { return c.shown(t.Context()) })
	return written, shown
}

// changeEvery is the pause between two changes of a stream.
const changeEvery = 100 * time.Millisecond

// lags is a stream of changes, and how long each took to show after etcd took
// it.
type lags struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	took   []time.Duration
	stale  int // how many times the mirror was seen to be stale
	err    error
}

// startLags starts a stream of changes. A change that doesn't show within the
// bound ends it.
func startLags(t *testing.T, r *rig, bound time.Duration) *lags {
	t.Helper()
	c := newChanges(t, r, "lag")
	ctx, cancel := context.WithCancel(t.Context())
	l := &lags{cancel: cancel}
	l.wg.Go(func() { l.err = l.run(ctx, c, bound) })
	t.Cleanup(func() { l.cancel(); l.wg.Wait() })
	return l
}

func (l *lags) run(ctx context.Context, c *changes, bound time.Duration) error {
	tick := time.NewTicker(changeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := c.write(ctx); err != nil {
			return nil // the end
		}
		took, err := harness.Poll(bound, func() error { return c.shown(context.WithoutCancel(ctx)) })
		if err != nil {
			return fmt.Errorf("a change did not show within %v: %w", bound, err)
		}
		l.took = append(l.took, took)
		if s, err := harness.MirrorStatus(context.WithoutCancel(ctx), c.addr, zone); err == nil && s["state"] != "live" {
			l.stale++
		}
	}
}

// stop ends the stream, checks it and returns the longest lag.
func (l *lags) stop(t *testing.T) time.Duration {
	t.Helper()
	l.cancel()
	l.wg.Wait()
	if l.err != nil || len(l.took) == 0 {
		t.Errorf("after %d changes: %v", len(l.took), l.err)
		return 0
	}
	slices.Sort(l.took)
	longest := l.took[len(l.took)-1]
	t.Logf("%d changes shown: p50 %v, p99 %v, at most %v; the mirror was seen stale %d times", len(l.took),
		l.took[len(l.took)/2].Round(time.Millisecond), l.took[len(l.took)*99/100].Round(time.Millisecond), longest.Round(time.Millisecond), l.stale)
	return longest
}

// neverStale checks that the mirror was in contact all the time, which is a matter
// of time itself.
func (l *lags) neverStale(t *testing.T) {
	t.Helper()
	if harness.Timing && l.stale > 0 {
		t.Errorf("the mirror was stale %d times, want never", l.stale)
	}
}
