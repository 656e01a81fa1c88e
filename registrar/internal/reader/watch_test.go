package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// watching is a Watch in a goroutine, for tests under synctest.
type watching struct {
	cancel context.CancelFunc

	mu    sync.Mutex
	seen  []yielded
	ended bool
}

// watch watches a name until the end of the test.
func (w *world) watch(t *testing.T, name string) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	got := &watching{cancel: cancel}
	go func() {
		for service, err := range w.client.Watch(ctx, name) {
			got.mu.Lock()
			got.seen = append(got.seen, yielded{service, err})
			got.mu.Unlock()
		}
		got.mu.Lock()
		defer got.mu.Unlock()
		got.ended = true
	}()
	synctest.Wait()
	return got
}

// take returns what was yielded since the last take, as "a,b", with "stale" or the
// error behind it.
func (g *watching) take() (list []string) {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, y := range g.seen {
		list = append(list, y.String())
	}
	g.seen = nil
	return list
}

func (y yielded) String() string {
	text := "nil"
	if y.service != nil {
		var ids []string
		for _, in := range y.service.Instances {
			ids = append(ids, in.ID)
		}
		if text = strings.Join(ids, ","); y.service.Stale {
			text += " stale"
		}
	}
	for _, err := range []error{registrar.ErrUnavailable, registrar.ErrPermission, registrar.ErrClosed, registrar.ErrInvalid} {
		if errors.Is(y.err, err) {
			text += " " + err.Error()
		}
	}
	return text
}

// want checks what was yielded since the last look.
func (g *watching) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := g.take(); !slices.Equal(got, want) {
		t.Fatalf("%s: yielded %q, want %q", what, got, want)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		g.want(t, "at first", "a")
		w.write("default/orders/b", value)
		g.want(t, "one more", "a,b")
		w.write("default/orders2/c", value)
		w.write("default/orders/_other/c", value)
		g.want(t, "a change of another, and of what is no part of the service")
		w.write("default/orders/_status/a", `{"status":"draining"}`)
		g.want(t, "an override", "b")
		w.Delete(root+"default/orders/b", root+"default/orders/a")
		g.want(t, "none is left", "")
		w.write("default/orders/c", value)
		g.want(t, "another", "c")
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 {
			t.Errorf("GetService: %v, %v", s, err)
		}
		if lists := w.Counts().Lists; len(lists) != 1 {
			t.Errorf("lists: %q, want one", lists)
		}
		g.cancel()
		synctest.Wait()
		if g.want(t, "after the end"); !g.ended {
			t.Error("the loop goes on after its context has ended")
		}
	})
}

// TestWatchOfNothing yields an empty set that can be told from an error.
func TestWatchOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for service, err := range w.client.Watch(t.Context(), "prod/orders") {
			if err != nil || service == nil || service.Namespace != "prod" || service.Name != "orders" || service.Instances == nil || len(service.Instances) > 0 || service.Stale {
				t.Errorf("yielded %+v, %v", service, err)
			}
			break
		}
	})
}

// TestWatchSkipsToTheLast: a loop that is slower than the changes gets the last set.
func TestWatchSkipsToTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		rounds := 0
		for service, err := range w.client.Watch(t.Context(), "orders") {
			if err != nil {
				t.Fatal(err)
			}
			if rounds++; rounds == 2 {
				if len(service.Instances) != 101 {
					t.Errorf("the second set has %d instances, want all 101", len(service.Instances))
				}
				break
			}
			for i := range 100 {
				w.write(fmt.Sprintf("default/orders/i%d", i), value)
			}
		}
	})
}

// TestWatchBatchOfDeletions: a transaction of several deletions is seen whole, as one
// change.
func TestWatchBatchOfDeletions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, id := range []string{"a", "b", "c", "d"} {
			w.write("default/orders/"+id, value)
		}
		g := w.watch(t, "orders")
		g.want(t, "at first", "a,b,c,d")
		w.Delete(root+"default/orders/a", root+"default/orders/b", root+"default/orders/c")
		g.want(t, "after three deletions at once", "d")
	})
}

// TestWatchHasNoGap: what changes while the service is listed for the first time, and
// until it is watched, is seen.
func TestWatchHasNoGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		var once sync.Once
		w.OnRequest(func(kind string) {
			if kind == "Stream" { // between the list and the watch
				once.Do(func() { w.Put(root+"default/orders/b", value, 0) })
			}
		})
		g := w.watch(t, "orders")
		if got := g.take(); len(got) == 0 || got[len(got)-1] != "a,b" {
			t.Errorf("yielded %q, want a,b at last", got)
		}
	})
}

// TestWatchOfManyIsOneEtcdWatch: neither a second Watch nor GetService costs etcd
// another.
func TestWatchOfManyIsOneEtcdWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		for _, name := range []string{"orders", "orders", "default/orders", "orders?status=any", "orders?tag=x"} {
			w.watch(t, name)
		}
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Error(err)
		}
		if c := w.Counts(); len(c.Watches) != 1 || len(c.Lists) != 1 {
			t.Errorf("etcd has %d watches and %d lists, want one", len(c.Watches), len(c.Lists))
		}
		w.write("default/orders/b", value)
		if n := len(w.Counts().Watches); n != 1 {
			t.Errorf("%d watches", n)
		}
	})
}

func TestWatchStaleAndBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g, none := w.watch(t, "orders"), w.watch(t, "none")
		g.want(t, "at first", "a")
		none.want(t, "at first", "")
		w.SetState(faulty.Down)
		w.BreakStreams()
		time.Sleep(mirror.FreshFor + round)
		g.want(t, "without etcd", "a stale unavailable")
		none.want(t, "without etcd", " stale unavailable")
		time.Sleep(time.Hour)
		g.want(t, "an hour later")
		w.Put(root+"default/orders/b", value, 0)
		w.SetState(faulty.Up)
		time.Sleep(round + time.Second)
		if got := g.take(); len(got) == 0 || got[len(got)-1] != "a,b" {
			t.Errorf("with etcd again: yielded %q", got)
		}
		none.want(t, "with etcd again", "")
	})
}

// TestWatchHalfOpen: a connection on which nothing comes any more makes it stale, too.
func TestWatchHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		g.want(t, "at first", "a")
		w.SetState(faulty.Hung)
		time.Sleep(time.Minute)
		g.want(t, "while etcd hangs", "a stale unavailable")
		w.SetState(faulty.Up)
		time.Sleep(10 * time.Second)
		g.want(t, "when it is back", "a")
	})
}

func TestWatchBeforeFirstContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.SetState(faulty.Hung)
		g := w.watch(t, "orders")
		g.want(t, "while the first question waits")
		time.Sleep(firstWait)
		g.want(t, "without etcd", "nil unavailable")
		time.Sleep(time.Hour)
		g.want(t, "an hour later")
		w.SetState(faulty.Up)
		time.Sleep(10 * time.Second)
		g.want(t, "with etcd", "a")
	})
}

func TestWatchPermission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		deny := func(f *faulty.Faults) { f.Denied = func(key string) bool { return strings.Contains(key, "orders") } }
		allow := func(f *faulty.Faults) { f.Denied = nil }
		w.Set(deny)
		g, other := w.watch(t, "orders"), w.watch(t, "others")
		g.want(t, "without the right", "nil permission denied")
		other.want(t, "another", "")
		time.Sleep(time.Minute)
		g.want(t, "a minute later")
		w.Set(allow)
		time.Sleep(round)
		g.want(t, "with the right", "a")
		// Taken away later: what is known stays, and becomes stale although others
		// are in contact.
		w.Set(deny)
		w.BreakStreams()
		time.Sleep(mirror.FreshFor + round)
		g.want(t, "without the right again", "a stale permission denied")
		other.want(t, "another")
		w.Set(allow)
		time.Sleep(2 * round)
		g.want(t, "with the right again", "a")
	})
}

// TestWatchLongList: a range that is listed again for long is stale meanwhile,
// although etcd answers others.
func TestWatchLongList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		g.want(t, "at first", "a")
		w.Set(func(f *faulty.Faults) { f.HangLists = true })
		w.SetState(faulty.Hung)
		time.Sleep(2 * time.Second)
		w.write("default/orders/b", value)
		w.Compact(w.Revision())
		w.BreakStreams()
		synctest.Wait()
		w.SetState(faulty.Up)
		time.Sleep(mirror.FreshFor + round)
		g.want(t, "while it is listed", "a stale unavailable")
		w.Set(func(f *faulty.Faults) { f.HangLists = false })
		time.Sleep(time.Minute)
		g.want(t, "listed", "a,b")
	})
}

// TestWatchCompacted: a history that is compacted away neither loses a change nor
// makes a loop.
func TestWatchCompacted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		w.SetState(faulty.Down)
		w.BreakStreams()
		w.Put(root+"default/orders/b", value, 0)
		w.Delete(root + "default/orders/a")
		w.Compact(w.Revision())
		w.SetState(faulty.Up)
		time.Sleep(time.Minute)
		if got := g.take(); got[len(got)-1] != "b" {
			t.Errorf("yielded %q, want b at last", got)
		}
		if n := len(w.Counts().Lists); n > 3 {
			t.Errorf("%d lists", n)
		}
	})
}

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

func TestWatchSelectors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tagged := func(tag, locality string) string {
			return fmt.Sprintf(`{"addresses":["10.0.0.9"],"static":true,"tags":[%q],"locality":%q}`, tag, locality)
		}
		w.write("default/orders/a", tagged("canary", "az1"))
		w.write("default/orders/b", tagged("blue", "az2"))
		canary, near := w.watch(t, "orders?tag=canary"), w.watch(t, "orders?prefer=az2")
		canary.want(t, "canary", "a")
		near.want(t, "prefer", "b")
		w.write("default/orders/b", tagged("canary", "az1"))
		canary.want(t, "canary", "a,b")
		near.want(t, "prefer", "a,b")
	})
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		bad := w.watch(t, "orders?port=80")
		if bad.want(t, "a bad name", "nil invalid"); !bad.ended {
			t.Error("the Watch of a bad name goes on")
		}
		g := w.watch(t, "orders")
		g.want(t, "at first", "")
		_ = w.client.Close()
		if g.want(t, "after Close", "nil client closed"); !g.ended {
			t.Error("it goes on after Close")
		}
		g = w.watch(t, "orders")
		if g.want(t, "begun after Close", "nil client closed"); !g.ended {
			t.Error("it goes on after Close")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for s, err := range w.client.Watch(ctx, "orders") {
			t.Errorf("yielded %v, %v after the end of its context", s, err)
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
		idle := &watch{reader: w.client.Reader, name: "orders", wake: make(chan struct{}, 1)}
		defer idle.release()
		if _, err := idle.look(t.Context()); err != nil {
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

// TestWatchFromSnapshot: a program that starts while etcd is away has what the file
// has, and is told that it is stale.
func TestWatchFromSnapshot(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/snapshot"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withSnapshot(path))
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		g.want(t, "at first", "a")
		time.Sleep(10 * time.Second)
		_ = w.client.Close()
		w.SetState(faulty.Down)
		w.client = w.another(t, withSnapshot(path))
		g = w.watch(t, "orders")
		time.Sleep(10 * time.Second)
		g.want(t, "from the file", "a stale unavailable")
		w.SetState(faulty.Up)
		time.Sleep(10 * time.Second)
		g.want(t, "with etcd", "a")
		_ = w.client.Close()
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
