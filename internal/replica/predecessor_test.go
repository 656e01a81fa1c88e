package replica

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// TestPredecessorWhileAway: a replica that takes the place of one that answers takes
// no answer away.
func TestPredecessorWhileAway(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		old := f.ready(nil)
		f.away()
		time.Sleep(time.Minute)
		start := time.Now()
		next := f.ready(func(c *Config) {
			c.Predecessor, c.SameRegistry, c.SnapshotHolders = old, true, []*Replica{old}
			c.Protect, c.ProtectFor = 30, time.Minute
		})
		if took := time.Since(start); took != 0 {
			f.t.Errorf("ready after %v", took)
		}
		f.wantInstances(next, "orders/a")
		got, want := next.Status(), old.Status()
		if got.State != mirror.Stale || !got.Contact.Equal(want.Contact) || next.Load().FullSerial() != old.Load().FullSerial() {
			f.t.Errorf("status %+v with serial %d after %+v with %d", got, next.Load().FullSerial(), want, old.Load().FullSerial())
		}
		if l := f.log.lines("keeping its contents", "instances=1"); len(l) != 1 {
			f.t.Errorf("logged %q", f.log.lines())
		}
		f.close(old)
		f.close(next)
	})
}

// TestPredecessorInContact knows more: a list is waited for.
func TestPredecessorInContact(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		old := f.ready(nil)
		f.away()
		next := f.open(func(c *Config) { c.Predecessor, c.SameRegistry, c.SnapshotHolders = old, true, []*Replica{old} })
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		if err := next.Wait(ctx); err == nil {
			f.t.Error("did not wait for a list")
		}
		f.wantInstances(next, "orders/a")
		f.etcd.SetState(faulty.Up)
		f.wait(next)
		f.close(old)
		f.close(next)
	})
}

// TestPredecessorWithoutContents: what is on disk is better than nothing.
func TestPredecessorWithoutContents(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(nil)
		f.away()
		old := f.open(func(c *Config) { c.Snapshot = "" })
		next := f.ready(func(c *Config) { c.Predecessor, c.SameRegistry = old, true })
		f.wantInstances(next, "orders/a")
		f.close(old)
		f.close(next)
	})
}

// TestSerialOfPredecessor goes on also where the contents are others.
func TestSerialOfPredecessor(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(nil) // 58 on
		old := f.ready(nil)
		f.put("default/orders/a")
		synctest.Wait()
		next := f.ready(func(c *Config) { c.Ranges, c.Snapshot, c.Predecessor = []string{"other/"}, "", old })
		if got, least := next.Load().FullSerial(), old.Load().FullSerial(); got < least {
			f.t.Errorf("serial %d after %d", got, least)
		}
		f.wantInstances(next)
		f.close(old)
		f.close(next)
	})
}

// TestSerialOfPredecessorAndFile: that of the file counts only where it is further.
func TestSerialOfPredecessorAndFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		serial int64 // of the file
		want   int64 // at the least
	}{"file behind": {50, 100}, "file ahead": {200, 200}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(f *fixture) {
				f.away()
				f.write(nil)
				old := f.ready(func(c *Config) { c.disk = disk{open: realDisk.open, write: func(context.Context, *snapshot.Writer) {}} })
				f.write(func(h *snapshot.Header) { h.Serial, h.Ranges[0].Contact = tt.serial, time.Now().Add(-25*time.Hour) })
				next := f.open(func(c *Config) { c.Ranges, c.Predecessor = []string{"default/"}, old })
				<-next.Loaded()
				if got := next.Load().FullSerial(); got < tt.want || got > tt.want+1 {
					f.t.Errorf("serial %d, want %d", got, tt.want)
				}
				f.close(old)
				f.close(next)
			})
		})
	}
}

// TestFileIsHandedOver: a replica writes its file once the one before has ended.
func TestFileIsHandedOver(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		old := f.ready(nil)
		time.Sleep(10 * time.Second)
		other := func(c *Config) { c.Source, c.SnapshotHolders = faulty.New(), []*Replica{old} }

		discarded := f.open(other) // of a Corefile that fails to load
		time.Sleep(time.Minute)
		f.close(discarded)
		if _, n := f.onDisk(); n != 1 {
			f.t.Errorf("%d entries, want those of the one that goes on", n)
		}

		next := f.open(other)
		time.Sleep(time.Minute)
		f.close(old)
		time.Sleep(5 * time.Second)
		if _, n := f.onDisk(); n != 0 {
			f.t.Errorf("%d entries, want those of the successor", n)
		}
		f.close(next)
	})
}
