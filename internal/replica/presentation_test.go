package replica

import (
	"testing"
	"testing/synctest"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// shownBy has contents shown by a presentation.
func shownBy(presentation string) func(c *Config) {
	return func(c *Config) { c.Presentation = presentation }
}

func (f *fixture) wantSerial(r *Replica, want int64) {
	f.t.Helper()
	if got := r.Load().FullSerial(); got != want {
		f.t.Errorf("serial %d, want %d", got, want)
	}
}

// TestPresentationOfSnapshot: the serial rises after a restart by which the contents are
// shown in another way, but for that not, and goes on with the revision.
func TestPresentationOfSnapshot(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(func(h *snapshot.Header) { h.Presentation = "one" }) // 58 on, at 100
		f.away()
		for _, step := range []struct {
			presentation string
			want         int64
		}{{"one", 100}, {"two", 101}, {"two", 101}, {"one", 102}, {"", 102}, {"one", 102}} {
			r := f.ready(shownBy(step.presentation))
			f.wantSerial(r, step.want)
			f.close(r)
			if h, _ := f.onDisk(); h.Presentation != step.presentation || h.Serial != step.want || h.Offset != 58 {
				f.t.Errorf("the file has %+v", h)
			}
		}
	})
}

// TestPresentationOfUnusableSnapshot: the serial of a file of other ranges goes on, too.
func TestPresentationOfUnusableSnapshot(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(func(h *snapshot.Header) { h.Presentation = "one" })
		f.away()
		for presentation, want := range map[string]int64{"one": 100, "two": 101} {
			r := f.open(func(c *Config) { c.Ranges, c.Presentation = []string{"default/"}, presentation })
			<-r.Loaded()
			f.wantSerial(r, want)
			f.close(r)
		}
	})
}

// TestSetPresentation: a reload that keeps the replica, and one that opens another, raise
// the serial once, and what comes after never falls behind.
func TestSetPresentation(t *testing.T) {
	inBubble(t, func(f *fixture) {
		r := f.open(nil)
		r.SetPresentation("zero") // nothing was shown yet
		r.SetPresentation("one")
		f.wait(r)
		serial := r.Load().FullSerial()
		r.SetPresentation("one")
		f.wantSerial(r, serial)
		r.SetPresentation("two")
		f.wantSerial(r, serial+1)
		next := f.ready(func(c *Config) {
			c.Presentation, c.Predecessor, c.SameRegistry, c.SnapshotHolders = "three", r, true, []*Replica{r}
		})
		f.wantSerial(next, serial+2)
		next.SetPresentation("three")
		f.wantSerial(next, serial+2)
		f.close(r)
		for range 3 {
			before := next.Load().FullSerial()
			f.put("default/orders/a")
			synctest.Wait()
			if after := next.Load().FullSerial(); after <= before {
				f.t.Errorf("serial %d after %d", after, before)
			}
		}
		serial = next.Load().FullSerial()
		f.close(next)
		again := f.ready(shownBy("three"))
		if got := again.Load().FullSerial(); got < serial || again.Load().SerialOffset() != 0 {
			f.t.Errorf("serial %d after %d with offset %d", got, serial, again.Load().SerialOffset())
		}
		f.close(again)
	})
}

// onRestore calls a function once contents are restored, before Open's caller does
// anything with the replica.
type onRestore struct {
	Unobserved
	restored func()
}

func (o onRestore) StateChanged(mirror.Status) { o.restored() }

// TestSerialOfRestored: contents are never shown under another serial than theirs, and
// one under which they were shown is on disk, also if the replica is closed at once.
func TestSerialOfRestored(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(func(h *snapshot.Header) { h.Presentation = "one" })
		f.away()
		opened := make(chan *Replica, 1)
		opened <- f.open(func(c *Config) {
			c.Presentation = "two"
			c.Observer = onRestore{restored: func() {
				r := <-opened
				f.wantInstances(r, "orders/a")
				f.wantSerial(r, 101)
				r.cancel() // as Close begins
				opened <- r
			}}
		})
		synctest.Wait()
		f.close(<-opened)
		if h, _ := f.onDisk(); h.Serial != 101 || h.Presentation != "two" {
			f.t.Errorf("the file has %+v", h)
		}
	})
}
