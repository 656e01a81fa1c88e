package reader

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchListIsNotSwept: a namespace stays followed as long as somebody watches its names,
// though nobody asks for its services, and is dropped ten minutes after the last one.
func TestWatchListIsNotSwept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		l, second := w.watchList(t, "default"), w.watchList(t, "default")
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		if _, namespaces, ranges := remembered(w.client); namespaces != 1 || ranges != 2 {
			t.Errorf("%d namespaces and %d ranges, want that of the names, shared, and that of a service", namespaces, ranges)
		}
		second.cancel()
		time.Sleep(time.Hour)
		if names, namespaces, ranges := remembered(w.client); names != 0 || namespaces != 1 || ranges != 1 {
			t.Errorf("after an hour there are %d names, %d namespaces, %d ranges", names, namespaces, ranges)
		}
		w.write("default/cart/a", value)
		l.want(t, "after an hour", "orders", "cart,orders")
		l.cancel()
		time.Sleep(idleAfter - sweepEvery)
		if _, _, ranges := remembered(w.client); ranges != 1 {
			t.Error("dropped before ten minutes are over")
		}
		time.Sleep(3 * sweepEvery)
		if names, namespaces, ranges := remembered(w.client); names+namespaces+ranges != 0 {
			t.Errorf("after the end there are %d names, %d namespaces, %d ranges", names, namespaces, ranges)
		}
		if n := w.client.subscriptions.replica.Load().Services(); n != 0 {
			t.Errorf("%d services are in memory still", n)
		}
		l = w.watchList(t, "default")
		l.want(t, "once more", "cart,orders")
	})
}

// TestWatchListThroughPromotion: that the services of a namespace move to its range doesn't
// show, and the names are followed by it still.
func TestWatchListThroughPromotion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		l := w.watchList(t, "default")
		l.want(t, "at first", "orders")
		for i := range maxSingly + 1 {
			_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
		}
		synctest.Wait()
		if _, _, ranges := remembered(w.client); ranges != 1 {
			t.Fatalf("%d ranges are followed, want that of the namespace", ranges)
		}
		w.write("default/cart/a", value)
		l.want(t, "promoted", "cart,orders")
		time.Sleep(time.Hour)
		w.write("default/end/a", value)
		l.want(t, "an hour later", "cart,end,orders")
	})
}

// TestWatchListWhereThereIsNoRoom: one too many is told so, and has its turn later.
func TestWatchListWhereThereIsNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.client.subscriptions.maxRanges = 1
		w.write("default/orders/a", value)
		_, _ = w.client.GetService(t.Context(), "others")
		l := w.watchList(t, "default")
		l.want(t, "one too many", "nil unavailable")
		time.Sleep(idleAfter + 2*sweepEvery)
		l.want(t, "once the other was dropped", "orders")
	})
}
