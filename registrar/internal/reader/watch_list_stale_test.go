package reader

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestWatchListDenied: without the right to all of the namespace it waits for that, while
// services that may be read are; taken away later, what is known becomes stale.
func TestWatchListDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		deny := func(f *faulty.Faults) { f.Denied = func(key string) bool { return key == "/roster/default/" } }
		allow := func(f *faulty.Faults) { f.Denied = nil }
		w.Set(deny)
		l := w.watchList(t, "default")
		l.want(t, "without the right", "nil permission denied")
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || s.Stale {
			t.Errorf("GetService: %v, %v", s, err)
		}
		time.Sleep(time.Minute)
		l.want(t, "a minute later")
		w.Set(allow)
		time.Sleep(round)
		l.want(t, "with the right", "orders")
		w.Set(deny)
		w.BreakStreams()
		time.Sleep(mirror.FreshFor + round)
		l.want(t, "without the right again", "orders permission denied")
		w.Set(allow)
		time.Sleep(2 * round)
		l.want(t, "with the right again", "orders")
	})
}

// TestWatchListWithoutEtcd: it says so, and then that it is back, with what has changed.
func TestWatchListWithoutEtcd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Down)
		l := w.watchList(t, "default")
		time.Sleep(firstWait)
		l.want(t, "before the first contact", "nil unavailable")
		w.SetState(faulty.Up)
		time.Sleep(round)
		l.want(t, "at first contact", "")
		w.write("default/orders/a", value)
		l.want(t, "a service", "orders")
		w.SetState(faulty.Down)
		w.BreakStreams()
		time.Sleep(mirror.FreshFor + round)
		l.want(t, "without contact", "orders unavailable")
		w.Put(root+"default/cart/a", value, 0)
		w.Delete(root + "default/orders/a")
		w.Compact(w.Revision())
		w.SetState(faulty.Up)
		time.Sleep(time.Minute)
		l.mu.Lock()
		last := l.seen[len(l.seen)-1]
		l.mu.Unlock()
		if last != "cart" {
			t.Errorf("with contact again: yielded %q, want cart", last)
		}
	})
}

// TestWatchListFromSnapshot: a program that starts while etcd is away has the names that the
// file has, if it has all of the namespace, and is told that they are stale.
func TestWatchListFromSnapshot(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/snapshot"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withSnapshot(path))
		w.write("default/orders/a", value)
		w.write("other/orders/a", value)
		w.watchList(t, "default").want(t, "at first", "orders")
		_, _ = w.client.GetService(t.Context(), "other/orders")
		time.Sleep(10 * time.Second)
		_ = w.client.Close()
		w.SetState(faulty.Down)
		w.client = w.another(t, withSnapshot(path))
		l, other := w.watchList(t, "default"), w.watchList(t, "other")
		time.Sleep(10 * time.Second)
		l.want(t, "from the file", "orders unavailable")
		other.want(t, "of a namespace of which the file has one service", "nil unavailable")
		w.SetState(faulty.Up)
		time.Sleep(10 * time.Second)
		l.want(t, "with etcd", "orders")
		other.want(t, "with etcd", "orders")
		_ = w.client.Close()
	})
}

// TestWatchListKeepsLast: a service whose last instances have expired is there as long as
// GetService has them.
func TestWatchListKeepsLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/_policy", `{"keep_last":60}`)
		w.write("default/orders/a", value)
		l := w.watchList(t, "default")
		l.want(t, "at first", "orders")
		w.Delete(root + "default/orders/a")
		time.Sleep(30 * time.Second)
		l.want(t, "while it is served")
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Errorf("GetService: %v", err)
		}
		time.Sleep(40 * time.Second)
		l.want(t, "a minute later", "")
	})
}
