package reader

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestWatchIsNotSwept: a service that is watched stays followed, and so do those of
// its policy, though nobody calls GetService; it is dropped ten minutes after the
// end.
func TestWatchIsNotSwept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/_policy", `{"failover":["default/eu"]}`)
		g := w.watch(t, "orders")
		g.want(t, "at first", "")
		time.Sleep(time.Hour)
		w.write("default/eu/e", value)
		g.want(t, "after an hour", "e")
		w.write("default/orders/a", value)
		g.want(t, "after an hour", "a")
		g.cancel()
		time.Sleep(idleAfter + 2*sweepEvery)
		if names, namespaces, ranges := remembered(w.client); names+namespaces+ranges != 0 {
			t.Errorf("after the end there are %d names, %d namespaces, %d ranges", names, namespaces, ranges)
		}
	})
}

// TestWatchPolicy: what others change that answer by the policy is seen, whichever
// they are.
func TestWatchPolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", `{"addresses":["10.0.0.9"],"static":true,"status":"down"}`)
		g, every := w.watch(t, "orders"), w.watch(t, "orders?status=any")
		g.want(t, "at first", "")
		every.want(t, "at first", "a")
		w.write("default/orders/_policy", `{"min_up":1}`)
		g.want(t, "min_up", "a")
		every.take()
		w.write("default/us/u", value)
		w.write("default/orders/_policy", `{"failover":["default/eu","default/us"]}`)
		g.want(t, "failover", "u")
		w.write("default/eu/e", value)
		g.want(t, "the first of them", "e")
		w.write("default/us/v", value)
		g.want(t, "one that doesn't answer")
		w.Delete(root + "default/eu/e")
		g.want(t, "the second again", "u,v")
		w.write("other/new/n", value)
		w.write("default/orders/_policy", `{"alias":"other/new"}`)
		g.want(t, "an alias", "n")
		w.write("other/new/o", value)
		g.want(t, "a change of the alias", "n,o")
		w.write("default/us/w", value)
		w.write("default/eu/e", value)
		g.want(t, "of one that has no part in it any more")
		w.write("default/orders/_policy", `{}`)
		g.want(t, "no policy", "")
		if got := every.take(); slices.ContainsFunc(got, func(s string) bool { return s != "a" }) {
			t.Errorf("status=any: yielded %q, want nothing but its own", got)
		}
	})
}

// TestWatchThroughPromotion: the range that a service is followed by is replaced
// without a gap, and the one after it tells of what changes.
func TestWatchThroughPromotion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		g.want(t, "at first", "a")
		for i := range maxSingly + 1 {
			_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
		}
		synctest.Wait()
		g.want(t, "promoted")
		w.write("default/orders/b", value)
		g.want(t, "a change", "a,b")
		w.SetState(faulty.Down)
		w.BreakStreams()
		time.Sleep(mirror.FreshFor + round)
		g.want(t, "without etcd", "a,b stale unavailable")
		w.SetState(faulty.Up)
		time.Sleep(round + time.Second)
		g.want(t, "with etcd", "a,b")
	})
}

// TestWatchWhereThereIsNoRoom: one too many is told so, and has its turn later.
func TestWatchWhereThereIsNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.client.subscriptions.maxRanges = 1
		w.write("default/orders/a", value)
		_, _ = w.client.GetService(t.Context(), "others")
		g := w.watch(t, "orders")
		g.want(t, "one too many", "nil unavailable")
		time.Sleep(idleAfter + 2*sweepEvery)
		g.want(t, "once the other was dropped", "a")
	})
}

// TestWatchIsWokenByItsServiceAlone: thousands of Watches of a namespace cost nothing
// where one of another service changes.
func TestWatchIsWokenByItsServiceAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 2 * maxSingly { // a range of the whole namespace
			_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
		}
		synctest.Wait()
		idle := &watch{loop: newLoop(w.client.Reader), name: "orders"}
		defer idle.release()
		if _, err := idle.look(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		for len(idle.wake) > 0 {
			<-idle.wake
		}
		w.write("default/others/a", value)
		time.Sleep(10 * time.Minute) // progress, and audits
		if len(idle.wake) != 0 {
			t.Error("woken without a change of its service")
		}
		if at := idle.expires(); !at.IsZero() {
			t.Errorf("looks again at %v without a change", at)
		}
		w.write("default/orders/a", value)
		if len(idle.wake) != 1 {
			t.Error("not woken by a change of its service")
		}
	})
}

// BenchmarkWatches has 10,000 Watches of a namespace, one of which is told of each
// change.
func BenchmarkWatches(b *testing.B) {
	const watches = 10_000
	w := newWorld(b)
	for i := range watches {
		w.Put(fmt.Sprintf("%sdefault/s%d/a", root, i), value, 0)
	}
	for i := range 2 * maxSingly { // a range of the whole namespace
		if _, err := w.client.GetService(b.Context(), fmt.Sprintf("s%d", i)); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running, ready sync.WaitGroup
	told := make(chan string, watches)
	for i := range watches {
		ready.Add(1)
		running.Go(func() {
			first := true
			for s, err := range w.client.Watch(ctx, fmt.Sprintf("s%d", i)) {
				switch {
				case err != nil: // there is no room before the namespace is promoted
				case first:
					first = false
					ready.Done()
				default:
					told <- s.Name
				}
			}
		})
	}
	ready.Wait()
	n := 0
	for b.Loop() {
		n++
		name := fmt.Sprintf("s%d", n%watches)
		w.Put(fmt.Sprintf("%sdefault/%s/i%d", root, name, n), value, 0)
		if got := <-told; got != name {
			b.Fatalf("told of %q, want %q", got, name)
		}
	}
	cancel()
	running.Wait()
}

// TestWatchLeavesNothing: Watches that come and go leave neither ranges nor waiters. Idle
// streams leaked in go-zero#4795 and go-micro#631.
func TestWatchLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/_policy", `{"failover":["default/eu"]}`)
		for range 1000 {
			for _, err := range w.client.Watch(t.Context(), "orders") {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		if c := w.Counts(); len(c.Watches) > 3 {
			t.Errorf("etcd has had %d watches", len(c.Watches))
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		if names, namespaces, ranges := remembered(w.client); names+namespaces+ranges != 0 {
			t.Errorf("there are %d names, %d namespaces, %d ranges", names, namespaces, ranges)
		}
	})
}
