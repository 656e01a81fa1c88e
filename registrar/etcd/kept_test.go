package etcd

import (
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/snapshot"
	"github.com/rosterdns/roster/registrar"
)

// TestSnapshotNested: one process reads a service, the next one its namespace,
// or the other way round; a third has to know what the second one knew.
func TestSnapshotNested(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"namespace first": true, "service first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "snapshot")
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, registrar.WithSnapshot(path))
				w.write("default/orders/a", value)
				w.write("default/orders/b", value)
				askNested(t, w.client, first)
				_ = w.client.Close()

				w.with(func() { w.delete("/roster/default/orders/b") })
				c := w.another(t, registrar.WithSnapshot(path))
				askNested(t, c, !first)
				if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 || s.Stale {
					t.Fatalf("live: %+v, %v", s, err)
				}
				_ = c.Close()

				w.set(fakeDown)
				c = w.another(t, registrar.WithSnapshot(path))
				if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 {
					t.Errorf("after a restart without etcd: %+v, %v; want the one instance that is left", s, err)
				}
			})
		})
	}
}

// askNested asks for a service, and if wide for so many others that the
// namespace is mirrored.
func askNested(t *testing.T, c *registrar.Client, wide bool) {
	t.Helper()
	if wide {
		for i := range maxNarrow + 1 {
			_, _ = c.GetService(t.Context(), "service-"+string(rune('a'+i/26))+string(rune('a'+i%26)))
		}
	}
	if _, err := c.GetService(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
}

// keptOf is a range as a snapshot has it, of entries that are "KEY=VALUE".
func keptOf(prefix string, contact time.Time, entries ...string) keptRange {
	var list []snapshot.Entry
	for _, e := range entries {
		key, value, _ := strings.Cut(e, "=")
		list = append(list, snapshot.Entry{Key: key, Value: []byte(value), Revision: 1})
	}
	return keptRange{snapshot.Range{Prefix: prefix, Revision: 1, Contact: contact}, slices.Values(list)}
}

// texts returns entries as "KEY=VALUE", sorted.
func texts(entries iter.Seq[snapshot.Entry]) []string {
	var out []string
	for e := range entries {
		out = append(out, e.Key+"="+string(e.Value))
	}
	slices.Sort(out)
	return out
}

// TestSnapshotCoveredRange: of a service and its namespace, both of which were
// kept, the service knows its keys better; each comes once.
func TestSnapshotCoveredRange(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := &kept{root: "/r/", ranges: ranges{
		"n/":   keptOf("/r/n/", now, "n/s/a=old", "n/s/ghost=old", "n/t/b=of all"),
		"n/s/": keptOf("/r/n/s/", now, "n/s/a=new"),
	}}
	r := &reader{prefix: "/r", kept: k}
	h, entries, ok := r.take()
	if got := texts(entries); !ok || len(h.Ranges) != 2 || !slices.Equal(got, []string{"n/s/a=new", "n/t/b=of all"}) {
		t.Errorf("keeps %q in %+v", got, h.Ranges)
	}
	for prefix, want := range map[string][]string{
		"/r/n/":   {"n/s/a=new", "n/t/b=of all"},
		"/r/n/s/": {"n/s/a=new"},
	} {
		if in, known := k.covering(prefix); !known || in.Prefix != prefix || !slices.Equal(texts(in.entries), want) {
			t.Errorf("%s is covered by %q: %v, want %q", prefix, in.Prefix, known, want)
		}
	}
	if in, known := k.covering("/r/n/t/"); !known || in.Prefix != "/r/n/" {
		t.Errorf("a service without a range of its own is covered by %q", in.Prefix)
	}
	if _, known := k.covering("/r/m/"); known {
		t.Error("another namespace is covered")
	}
	k.ranges["n/s/"] = keptOf("/r/n/s/", now.Add(-2*maxSnapshotAge), "n/s/a=new")
	for _, prefix := range []string{"/r/n/", "/r/n/s/"} {
		if _, known := k.covering(prefix); known {
			t.Errorf("%s is covered though what is known of a part of it is too old", prefix)
		}
	}
}

// TestSnapshotOfTheLiving: what is mirrored takes the place of what was kept of
// it, all that is below it included.
func TestSnapshotOfTheLiving(t *testing.T) {
	t.Parallel()
	now := time.Now()
	all := ranges{"n/": keptOf("/r/n/", now, "n/s/a=live"), "m/s/": keptOf("/r/m/s/", now, "m/s/a=live")}
	all.add(ranges{
		"n/":   keptOf("/r/n/", now, "n/s/ghost=old"),
		"n/t/": keptOf("/r/n/t/", now, "n/t/ghost=old"),
		"m/":   keptOf("/r/m/", now, "m/s/ghost=old", "m/t/a=old"),
		"o/":   keptOf("/r/o/", now.Add(-2*maxSnapshotAge), "o/s/a=too old"),
	})
	if got := texts(all.all()); len(all) != 3 || !slices.Equal(got, []string{"m/s/a=live", "m/t/a=old", "n/s/a=live"}) {
		t.Errorf("%d ranges with %q", len(all), got)
	}
}

// TestSnapshotAhead: a contact in the future, as of a clock that was wrong, is no
// reason to believe a snapshot for ever.
func TestSnapshotAhead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		h := snapshot.Header{Root: "/r/", Ranges: []snapshot.Range{
			{Prefix: "/r/n/far/", Contact: now.AddDate(10, 0, 0)},
			{Prefix: "/r/n/near/", Contact: now.Add(time.Minute)},
		}}
		if _, err := snapshot.Write(path, h, func(func(snapshot.Entry) bool) {}); err != nil {
			t.Fatal(err)
		}
		k := load(path, "/r/", slog.New(slog.DiscardHandler))
		if _, known := k.covering("/r/n/far/"); known {
			t.Error("believes a contact in ten years")
		}
		if in, known := k.covering("/r/n/near/"); !known || !in.Contact.Equal(now) {
			t.Errorf("a contact ahead by a minute: known %v, of %v, want the time of loading", known, in.Contact)
		}
		time.Sleep(maxSnapshotAge + time.Second)
		if _, known := k.covering("/r/n/near/"); known {
			t.Error("a contact that was ahead by a minute is believed after a day")
		}
	})
}

// TestSnapshotAheadStaysUnknown: once the clock has come to the time of a contact
// that was too far ahead when the snapshot was loaded, its range is not taken for
// one without entries.
func TestSnapshotAheadStaysUnknown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	synctest.Test(t, func(t *testing.T) {
		ahead := snapshot.MaxAhead + time.Minute
		h := snapshot.Header{Root: "/r/", Ranges: []snapshot.Range{{Prefix: "/r/n/s/", Contact: time.Now().Add(ahead)}}}
		if _, err := snapshot.Write(path, h, slices.Values([]snapshot.Entry{{Key: "n/s/a", Value: []byte("v"), Revision: 1}})); err != nil {
			t.Fatal(err)
		}
		k := load(path, "/r/", slog.New(slog.DiscardHandler))
		for range 2 {
			if _, known := k.covering("/r/n/s/"); known {
				t.Error("the service is known")
			}
			r := &reader{prefix: "/r", kept: k}
			if h, _, ok := r.take(); ok {
				t.Errorf("the file is replaced by one of %+v", h.Ranges)
			}
			time.Sleep(ahead)
		}
	})
}

// TestSnapshotOfAPartTooOld: a namespace is no answer for a service of it that
// was read later, and too long ago, or by a clock that was wrong. That holds for
// what is kept, and for the file.
func TestSnapshotOfAPartTooOld(t *testing.T) {
	t.Parallel()
	k := &kept{root: "/r/", ranges: ranges{
		"n/":   keptOf("/r/n/", time.Now(), "n/t/a=v"),
		"n/s/": keptOf("/r/n/s/", time.Time{}),
		"m/s/": keptOf("/r/m/s/", time.Time{}),
	}}
	k.prune()
	file := ranges{}
	file.add(k.ranges)
	for name, in := range map[string]ranges{"kept": k.ranges, "in the file": file} {
		known := &kept{root: "/r/", ranges: in}
		if _, ok := known.covering("/r/n/s/"); ok || len(in) != 2 {
			t.Errorf("%s: the service is known: %v, of %d ranges, want the namespace and what it lacks", name, ok, len(in))
		}
		if _, ok := known.covering("/r/n/t/"); !ok {
			t.Errorf("%s: the rest of the namespace is not known", name)
		}
	}
}

// TestSnapshotAfterIdle: what was mirrored until nobody asked any more stays in
// the file as it was last, alone and with its namespace.
func TestSnapshotAfterIdle(t *testing.T) {
	t.Parallel()
	for name, wide := range map[string]bool{"service": false, "namespace": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remembered(t, func(t *testing.T, w *world, path string) {
				c := w.another(t, registrar.WithSnapshot(path))
				w.write("default/orders/c", value)
				w.write("default/fresh/a", value)
				askNested(t, c, wide)
				if s, err := c.GetService(t.Context(), "fresh"); err != nil || len(s.Instances) != 1 {
					t.Fatalf("live: %+v, %v", s, err)
				}
				time.Sleep(idleAfter + 3*sweepEvery) // nobody asks
				if names, _ := mirrored(c); names != 0 {
					t.Fatalf("%d names are mirrored still", names)
				}
				_ = c.Close()
				w.set(fakeDown)
				c = w.another(t, registrar.WithSnapshot(path))
				for service, want := range map[string]int{"orders": 3, "fresh": 1, "others": 1} {
					if s, err := c.GetService(t.Context(), service); err != nil || len(s.Instances) != want {
						t.Errorf("%s after a restart without etcd: %+v, %v; want %d instances", service, s, err, want)
					}
				}
			})
		})
	}
}

// TestSnapshotAfterIdleWhileItRuns: the same process, too, answers without etcd
// what it knew.
func TestSnapshotAfterIdleWhileItRuns(t *testing.T) {
	t.Parallel()
	remembered(t, func(t *testing.T, w *world, path string) {
		c := w.another(t, registrar.WithSnapshot(path))
		w.write("default/orders/c", value)
		askNested(t, c, false)
		time.Sleep(idleAfter + 3*sweepEvery)
		w.set(fakeDown)
		if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 3 || !s.Stale {
			t.Errorf("got %+v, %v, want three instances, stale", s, err)
		}
	})
}

// TestOldRangesAreNotUsed: those of a snapshot are dropped as it is loaded, not
// looked through for each service.
func TestOldRangesAreNotUsed(t *testing.T) {
	t.Parallel()
	r := &reader{loaded: make(chan struct{})}
	r.use(&kept{root: "/r/", ranges: ranges{
		"n/old/": keptOf("/r/n/old/", time.Now().Add(-2*maxSnapshotAge)),
		"n/s/":   keptOf("/r/n/s/", time.Now()),
	}})
	if _, fresh := r.kept.ranges["n/s/"]; len(r.kept.ranges) != 1 || !fresh {
		t.Errorf("%d ranges are kept, want the one that is an answer", len(r.kept.ranges))
	}
}

// TestKeptIsBounded: who asks for ever more services doesn't fill the file.
func TestKeptIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := &kept{root: "/r/", ranges: ranges{"n/old/": keptOf("/r/n/old/", now.Add(-2*maxSnapshotAge))}}
	for i := range maxKept + 10 {
		k.put(keptOf(fmt.Sprintf("/r/n/s%d/", i), now.Add(time.Duration(i-maxKept)*time.Second)), 7)
	}
	k.prune()
	if _, oldest := k.ranges["n/s9/"]; len(k.ranges) != maxKept || oldest || k.cluster != 7 {
		t.Errorf("%d ranges of cluster %d, the oldest among them: %v; want %d without", len(k.ranges), k.cluster, oldest, maxKept)
	}
	k.put(keptOf("/r/n/", now), 0)
	if len(k.ranges) != 1 || k.cluster != 7 {
		t.Errorf("%d ranges of cluster %d once the namespace is kept, want its one", len(k.ranges), k.cluster)
	}
}
