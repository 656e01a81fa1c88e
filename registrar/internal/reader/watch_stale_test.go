package reader

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
)

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

// TestWatchHalfOpen: a connection on which nothing comes any more makes it stale, too. Such
// connections stalled watches for good in etcd#8980 and m3 (PR#2860).
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

// TestWatchCompacted: a history that is compacted away neither loses a change nor makes a loop.
// go-zero#3364 looped on it, and grew.
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
