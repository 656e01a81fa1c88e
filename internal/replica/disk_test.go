package replica

import (
	"context"
	"io/fs"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

const hangs = time.Minute

// TestSlowDiskHoldsUpNobody: etcd is read without the snapshot.
func TestSlowDiskHoldsUpNobody(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		f.write(nil)
		start := time.Now()
		r := f.ready(func(c *Config) { c.disk = slowDisk(hangs) })
		if took := time.Since(start); took != DefaultSnapshotWait {
			f.t.Errorf("ready after %v, want %v", took, DefaultSnapshotWait)
		}
		f.wantState(r, mirror.Live)
		if l := f.log.lines("the disk is slow: starting before the snapshot is read"); len(l) != 1 {
			f.t.Errorf("logged %q", f.log.lines())
		}
		if len(f.seen.writes) != 0 {
			f.t.Error("the file was replaced before it was read")
		}
		f.put("default/orders/b")
		time.Sleep(hangs)
		f.wantInstances(r, "orders/a", "orders/b") // etcd knows better
		if serial := r.Load().FullSerial(); serial <= 100 {
			f.t.Errorf("serial %d, want more than the file's 100", serial)
		}
		f.close(r)
	})
}

// TestSlowDiskWhileAway: what the disk has is answered once it is there.
func TestSlowDiskWhileAway(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(nil)
		f.away()
		r := f.open(func(c *Config) { c.Ranges, c.disk = nil, slowDisk(hangs) })
		orders := r.Follow("default/orders/")
		time.Sleep(hangs - time.Second)
		if isReady(orders) {
			f.t.Error("ready before the disk was")
		}
		time.Sleep(2 * time.Second)
		if !isReady(orders) {
			f.t.Error("not ready though the snapshot was read")
		}
		f.wantInstances(r, "orders/a")
		f.close(r)
	})
}

// TestDiskAnswersAfterClose: what is read too late starts nothing any more.
func TestDiskAnswersAfterClose(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(nil)
		f.away()
		before, _ := f.onDisk()
		r := f.open(func(c *Config) { c.disk = slowDisk(hangs) })
		f.closeWithin(r, time.Second)
		time.Sleep(2 * hangs)
		f.wantInstances(r)
		if after, _ := f.onDisk(); !after.Ranges[0].Contact.Equal(before.Ranges[0].Contact) {
			f.t.Error("the file was written after Close")
		}
		<-r.Released()
	})
}

// TestDiskThatHangsKeepsItsFile: a replica that was closed before its file was read
// doesn't replace it, though it has a list of a part.
func TestDiskThatHangsKeepsItsFile(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(nil)
		r := f.open(func(c *Config) { c.Ranges, c.disk = nil, slowDisk(hangs) })
		<-r.Follow("default/others/").Listed()
		f.closeWithin(r, time.Second)
		<-r.Released()
		if h, n := f.onDisk(); n != 1 || h.Ranges[0].Prefix != "/roster/" {
			f.t.Errorf("%d entries of %+v, want those of before", n, h.Ranges)
		}
	})
}

// closeWithin closes a replica whose disk hangs.
func (f *fixture) closeWithin(r *Replica, limit time.Duration) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), limit)
	defer cancel()
	start := time.Now()
	if err := r.Close(ctx); err != nil {
		f.t.Error(err)
	}
	if took := time.Since(start); took != limit {
		f.t.Errorf("Close took %v, want %v", took, limit)
	}
	if l := f.log.lines("closing before the last snapshot is written"); len(l) != 1 {
		f.t.Errorf("logged %q", f.log.lines())
	}
}

// TestCloseDoesNotWaitForTheDisk: the last write goes on by itself, and no other
// replica writes the file before.
func TestCloseDoesNotWaitForTheDisk(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		r := f.ready(func(c *Config) { c.disk = hangingDisk(hangs) })
		f.closeWithin(r, time.Second)
		next := f.ready(func(c *Config) { c.SnapshotHolders = []*Replica{r} })
		time.Sleep(hangs / 2)
		if _, err := os.Stat(f.path); err == nil {
			f.t.Error("the file was written while its holder was at it")
		}
		f.put("default/orders/b")
		time.Sleep(hangs)
		synctest.Wait()
		if _, n := f.onDisk(); n != 2 {
			f.t.Errorf("%d entries, want those of the successor", n)
		}
		f.close(next)
	})
}

// untilLoaded is a context that ends when a snapshot was read.
type untilLoaded struct {
	context.Context
	loaded <-chan struct{}
}

func (c untilLoaded) Err() error {
	select {
	case <-c.loaded:
		return context.Canceled
	default:
		return nil
	}
}

// TestClosedRightAfterLoading: who reads and closes at once, before the disk goes
// on, has something to write.
func TestClosedRightAfterLoading(t *testing.T) {
	t.Parallel()
	written := false
	s := &saved{registry: &registry{}, loaded: make(chan struct{}), released: make(chan struct{}), disk: disk{
		open:  func(string) (file, error) { return nil, fs.ErrNotExist },
		write: func(context.Context, *snapshot.Writer) { written = true },
	}}
	s.use(untilLoaded{t.Context(), s.loaded}, true, nil)
	if !written {
		t.Error("the snapshot is not written")
	}
}
