package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// dynamic is a replica whose ranges come and go.
func dynamic(c *Config) { c.Ranges = nil }

// isReady reports whether there is something to answer from.
func isReady(rng *mirror.Range) bool {
	select {
	case <-rng.Ready():
		return true
	default:
		return false
	}
}

// TestCachedRanges: what is followed no more stays in the store and in the file, for
// this process and the next ones, while it is no older than the limit.
func TestCachedRanges(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		f.put("default/others/b")
		r := f.open(dynamic)
		orders := r.Follow("default/orders/")
		<-orders.Listed()
		r.Unfollow(orders)
		time.Sleep(time.Second)
		f.wantInstances(r, "orders/a")
		f.close(r)

		f.away()
		for range 2 { // one that nobody asks for outlives a process
			r = f.open(dynamic)
			time.Sleep(time.Minute)
			f.close(r)
		}
		r = f.open(dynamic)
		orders, others := r.Follow("default/orders/"), r.Follow("default/others/")
		time.Sleep(time.Second)
		if !isReady(orders) || isReady(others) {
			f.t.Errorf("what was cached is ready: %t, what wasn't: %t", isReady(orders), isReady(others))
		}
		f.wantInstances(r, "orders/a")
		f.close(r)
		time.Sleep(DefaultSnapshotMaxAge)
		r = f.open(dynamic)
		orders = r.Follow("default/orders/")
		time.Sleep(time.Second)
		f.wantInstances(r)
		if isReady(orders) {
			f.t.Error("a range of yesterday is ready")
		}
		f.close(r)
	})
}

// TestCachedRangeGrowsOld: a process that runs for long forgets what is too old.
func TestCachedRangeGrowsOld(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		r := f.open(func(c *Config) { c.Ranges, c.SnapshotMaxAge = nil, time.Hour })
		orders := r.Follow("default/orders/")
		<-orders.Listed()
		r.Unfollow(orders)
		time.Sleep(59 * time.Minute)
		f.wantInstances(r, "orders/a")
		time.Sleep(3 * time.Minute)
		f.wantInstances(r)
		f.close(r)
	})
}

// TestWithoutSnapshotNothingIsCached: what is followed no more leaves the store.
func TestWithoutSnapshotNothingIsCached(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		r := f.open(func(c *Config) { c.Ranges, c.Snapshot = nil, "" })
		orders, again := r.Follow("default/orders/"), r.Follow("default/orders/")
		<-orders.Listed()
		r.Unfollow(again)
		time.Sleep(time.Second)
		f.wantInstances(r, "orders/a")
		r.Unfollow(orders)
		time.Sleep(time.Second)
		f.wantInstances(r)
		f.close(r)
	})
}

// TestSnapshotOfTheRegistry serves a client that follows single services.
func TestSnapshotOfTheRegistry(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(nil)
		f.away()
		r := f.open(dynamic)
		orders, nobody := r.Follow("default/orders/"), r.Follow("default/nobody/")
		time.Sleep(time.Second)
		if !isReady(orders) || !isReady(nobody) {
			f.t.Errorf("ready: %t, %t", isReady(orders), isReady(nobody))
		}
		f.wantInstances(r, "orders/a")
		f.close(r)
	})
}

// TestSnapshotOutsideItsRanges: what no range covers is not restored.
func TestSnapshotOutsideItsRanges(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(func(h *snapshot.Header) { h.Ranges[0].Prefix = "/roster/default/other/" })
		f.away()
		r := f.open(dynamic)
		<-r.Loaded()
		f.wantInstances(r)
		f.close(r)
	})
}

func TestDropOld(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := contents{
		header: snapshot.Header{Root: "/roster/", Ranges: []snapshot.Range{
			{Prefix: "/roster/a/", Contact: now},
			{Prefix: "/roster/a/old/", Contact: now.Add(-2 * time.Hour)}, // the wider one doesn't know of it
			{Prefix: "/roster/b/", Contact: now.Add(-2 * time.Hour)},
			{Prefix: "/roster/b/new/", Contact: now},
			{Prefix: "/roster/c/x/y", Contact: now},
		}},
	}
	for _, key := range []string{"a/old/i", "a/x/i", "b/new/i", "b/old/i", "c/x/y", "c/x/y2"} {
		c.events = append(c.events, []mirror.Event{{Key: key}})
	}
	c.dropOld(time.Hour)
	var ranges, events []string
	for _, r := range c.header.Ranges {
		ranges = append(ranges, r.Prefix)
	}
	for e := range c.take() {
		events = append(events, e.Key)
	}
	if want := []string{"/roster/b/new/", "/roster/c/x/y"}; !slices.Equal(ranges, want) {
		t.Errorf("ranges %q, want %q", ranges, want)
	}
	if want := []string{"b/new/i", "c/x/y"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
}

// TestSnapshotDuringLists: a snapshot that is taken while ranges are being listed
// has no range whose contents it lacks.
func TestSnapshotDuringLists(t *testing.T) {
	inBubble(t, func(f *fixture) {
		const services = 500
		for i := range services {
			f.put(fmt.Sprintf("default/s%d/a", i))
		}
		r := f.open(dynamic)
		<-r.Loaded()
		for i := range services {
			r.Follow(fmt.Sprintf("default/s%d/", i))
		}
		for listed := 0; listed < services; {
			h, entries, ok := r.registry.take()
			if !ok {
				continue
			}
			listed = len(h.Ranges)
			has := map[string]bool{}
			for e := range entries {
				has[strings.TrimSuffix("/roster/"+e.Key, "a")] = true
			}
			for _, rng := range h.Ranges {
				if !has[rng.Prefix] {
					f.t.Fatalf("the snapshot has nothing of %q, which its header says is complete", rng.Prefix)
				}
			}
		}
		f.close(r)
	})
}
