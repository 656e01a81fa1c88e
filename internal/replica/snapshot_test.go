package replica

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// TestSnapshot: a start without etcd goes on where the last process ended.
func TestSnapshot(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		f.put("other/orders/b")
		r := f.ready(nil)
		before := r.Load()
		f.close(r)
		f.away()
		time.Sleep(time.Minute)
		r = f.ready(nil)
		f.wantInstances(r, "orders/a", "orders/b")
		gen := r.Load()
		if gen.FullSerial() != before.FullSerial() || gen.Revision() != before.Revision() {
			f.t.Errorf("serial %d at revision %d, want %d at %d", gen.FullSerial(), gen.Revision(), before.FullSerial(), before.Revision())
		}
		if s := r.Status(); s.State != mirror.Stale || time.Since(s.Contact) < time.Minute || time.Since(s.Contact) > 2*time.Minute {
			f.t.Errorf("status %+v, want stale, a minute old", s)
		}
		synctest.Wait() // it is ready before it logs
		if l := f.log.lines("answering from the snapshot", "instances=2", "revision=3"); len(l) != 1 {
			f.t.Errorf("logged %q", f.log.lines())
		}
		f.close(r)
	})
}

// TestDecodedOnce: ranges, guard and serial come of one pass through the file.
func TestDecodedOnce(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(func(h *snapshot.Header) {
			now := time.Now()
			h.Ranges = []snapshot.Range{{Prefix: "/roster/default/", Contact: now}, {Prefix: "/roster/other/", Contact: now}, {Prefix: "/roster/x/", Contact: now}}
		})
		f.away()
		decoded := 0
		r := f.ready(func(c *Config) {
			c.Ranges, c.Protect, c.ProtectFor = []string{"default/", "other/", "x/"}, 30, time.Minute
			c.disk = disk{write: realDisk.write, open: func(path string) (file, error) {
				opened, err := realDisk.open(path)
				return countedFile{opened, &decoded}, err
			}}
		})
		f.wantInstances(r, "orders/a")
		if decoded != 1 {
			f.t.Errorf("decoded %d times", decoded)
		}
		f.close(r)
	})
}

// TestSnapshotIgnored: what is of no use is ignored with one line, but for the
// serial of the same registry.
func TestSnapshotIgnored(t *testing.T) {
	t.Parallel()
	contact := func(at time.Duration) func(f *fixture) {
		return func(f *fixture) {
			f.write(func(h *snapshot.Header) { h.Ranges[0].Contact = time.Now().Add(at) })
		}
	}
	for name, tt := range map[string]struct {
		spoil  func(f *fixture)
		want   string
		serial int64
	}{
		"torn": {func(f *fixture) {
			f.write(nil)
			if err := os.Truncate(f.path, 50); err != nil {
				f.t.Fatal(err)
			}
		}, "not a whole snapshot", 0},
		"writable for others": {func(f *fixture) {
			f.write(nil)
			if err := os.Chmod(f.path, 0o666); err != nil {
				f.t.Fatal(err)
			}
		}, "users other than its owner can write to it", 0},
		"foreign": {func(f *fixture) {
			f.write(func(h *snapshot.Header) { h.Root, h.Ranges[0].Prefix = "/other/", "/other/" })
		}, `belongs to another registry: its keys start with \"/other/\", not \"/roster/\"`, 0},
		"other ranges": {func(f *fixture) {
			f.write(func(h *snapshot.Header) { h.Ranges[0].Prefix = "/roster/default/" })
		}, "holds other namespaces", 100},
		"too old":            {contact(-24*time.Hour - time.Second), "is too old: its last contact with etcd was 24h0m1s ago, more than 24h0m0s", 100},
		"ahead of the clock": {contact(snapshot.MaxAhead + time.Second), "is ahead of this machine's clock", 100},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(f *fixture) {
				f.away()
				tt.spoil(f)
				r := f.open(nil)
				time.Sleep(time.Second)
				f.wantInstances(r)
				f.wantState(r, mirror.Unsynced)
				if got := r.Load().FullSerial(); got != tt.serial {
					f.t.Errorf("serial %d, want %d", got, tt.serial)
				}
				if l := f.log.lines("starting without the snapshot"); len(l) != 1 || !strings.Contains(l[0], tt.want) {
					f.t.Errorf("logged %q, want %s", l, tt.want)
				}
				f.close(r)
			})
		})
	}
}

// TestSnapshotWritten follows changes of the store and of the mirror's state.
func TestSnapshotWritten(t *testing.T) {
	inBubble(t, func(f *fixture) {
		r := f.ready(nil)
		time.Sleep(time.Second)
		if h, n := f.onDisk(); n != 0 || h.Revision != 1 {
			f.t.Errorf("%d entries at revision %d after an empty list", n, h.Revision)
		}
		f.put("default/orders/a")
		time.Sleep(5 * time.Second)
		if h, n := f.onDisk(); n != 1 || h.Revision != 2 || h.Cluster != 1 || h.Serial != r.Load().FullSerial() {
			f.t.Errorf("%d entries, header %+v", n, h)
		}
		f.put("default/orders/b")
		synctest.Wait()
		f.close(r)
		if h, n := f.onDisk(); n != 2 || h.Revision != 3 {
			f.t.Errorf("%d entries at revision %d at the end", n, h.Revision)
		}
	})
}

// TestGuardInSnapshot: a restart makes the time no longer for which expired
// instances are served.
func TestGuardInSnapshot(t *testing.T) {
	inBubble(t, func(f *fixture) {
		protect := func(c *Config) { c.Protect, c.ProtectFor = 30, 10*time.Minute }
		all := keys("shop", 20)
		for _, key := range all {
			f.put(key)
		}
		r := f.ready(protect)
		for _, key := range all {
			f.etcd.Delete("/roster/" + key)
		}
		synctest.Wait()
		if r.Load().Instances() != 20 || r.Guard().Protected() != 20 {
			f.t.Fatalf("%d instances, %d protected", r.Load().Instances(), r.Guard().Protected())
		}
		f.close(r)
		time.Sleep(time.Minute)
		r = f.ready(protect)
		time.Sleep(time.Minute)
		if r.Load().Instances() != 20 || r.Guard().Protected() != 20 {
			f.t.Errorf("%d instances, %d protected after a restart", r.Load().Instances(), r.Guard().Protected())
		}
		time.Sleep(9 * time.Minute)
		f.wantInstances(r)
		f.close(r)
	})
}

// TestLastSetInSnapshot: neither makes it longer for which the last instances of a
// service are served.
func TestLastSetInSnapshot(t *testing.T) {
	inBubble(t, func(f *fixture) {
		keepLast := func(c *Config) { c.KeepLast = 10 * time.Minute }
		all := keys("shop", 2)
		for _, key := range all {
			f.put(key)
		}
		r := f.ready(keepLast)
		for _, key := range all {
			f.etcd.Delete("/roster/" + key)
		}
		synctest.Wait()
		before := r.Guard().LastSets()
		if before == 0 || r.Load().Instances() != before {
			f.t.Fatalf("%d instances, %d of last sets", r.Load().Instances(), before)
		}
		f.close(r)
		time.Sleep(time.Minute)
		r = f.ready(keepLast)
		time.Sleep(time.Minute)
		if r.Load().Instances() != before || r.Guard().LastSets() != before {
			f.t.Errorf("%d instances, %d of last sets after a restart, want %d", r.Load().Instances(), r.Guard().LastSets(), before)
		}
		time.Sleep(8*time.Minute + 2*time.Second)
		f.wantInstances(r)
		if r.Guard().LastSets() != 0 {
			f.t.Errorf("%d of last sets when their time is over", r.Guard().LastSets())
		}
		f.close(r)
	})
}

// TestContactAhead: a contact that is a little ahead of the clock counts as now.
func TestContactAhead(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.away()
		f.write(func(h *snapshot.Header) { h.Ranges[0].Contact = time.Now().Add(snapshot.MaxAhead / 2) })
		r := f.ready(nil)
		if s := r.Status(); s.State != mirror.Stale || s.Contact.After(time.Now()) {
			f.t.Errorf("status %+v", s)
		}
		f.close(r)
	})
}
