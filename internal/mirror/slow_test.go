package mirror

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// TestSlowView: a view that takes long is no lack of contact, and what has
// arrived meanwhile becomes visible by one commit.
func TestSlowView(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/"}, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.mu.Lock()
		g.rec.onCommit = func(Commit) { time.Sleep(time.Minute) }
		g.rec.mu.Unlock()
		f.put("/r/n/s/i", "1")
		synctest.Wait()
		for i := range 100 {
			f.put(fmt.Sprintf("/r/n/s/i%d", i), "1")
			g.passed(time.Second / 4)
		}
		f.put("/elsewhere", "1")
		f.say(progress(f.header()))
		synctest.Wait()
		if s := g.Mirror.Status(); s.State != Live || time.Since(s.Contact) > time.Second || s.Revision >= s.Head || s.Head != f.revision {
			t.Errorf("%+v while the view is busy, want it live, at an old revision, and to know of %d", s, f.revision)
		}
		g.rec.mu.Lock()
		before := len(g.rec.said.commits)
		g.rec.mu.Unlock()
		g.passed(2 * time.Minute)
		g.wantEqual()
		g.wantStates("live@0s")
		if n := len(g.rec.look().commits) - before; n > 3 {
			t.Errorf("%d commits, want one for what had waited, and one of progress", n)
		}
		g.wantFailed()
	})
}

// TestSendsThatBlock: nothing waits for a stream that takes no requests.
func TestSendsThatBlock(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/"}, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		release := make(chan struct{})
		f.set(func() {
			f.onAdd = func(string) error { <-release; return nil }
		})
		for i := range 1000 {
			g.ranges[fmt.Sprintf("n/s%d/", i)] = g.Mirror.Follow(fmt.Sprintf("n/s%d/", i), g.rec)
		}
		synctest.Wait()
		f.put("/r/a/s/i", "1")
		synctest.Wait()
		g.wantEqual()
		close(release)
		f.put("/r/n/s7/i", "1")
		synctest.Wait()
		g.wantEqual()
		if n := f.look().watches; n != 1001 {
			t.Errorf("%d watches, want 1001", n)
		}
	})
}

// TestQueueBounds: what a view has yet to see is bounded.
func TestQueueBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q, put := newQueue(), 0
		value := make([]byte, maxQueuedBytes/10)
		go func() {
			for {
				resp := &pb.WatchResponse{Events: []*mvccpb.Event{putEvent("k", string(value), 1)}}
				if !q.put(ctx, received{resp, time.Now()}) {
					return
				}
				put++
			}
		}()
		synctest.Wait()
		if put != 9 {
			t.Errorf("%d responses of a tenth of the bound in the queue, want 9", put)
		}
		if items, last := q.take(); len(items) != 9 || last {
			t.Errorf("took %d (the last: %v), want 9", len(items), last)
		}
		synctest.Wait()
		if put != 18 {
			t.Errorf("%d responses after the queue was emptied, want 18", put)
		}
		cancel()
		synctest.Wait()
	})
}

// TestSlowStart: a first list that takes long is told of, though nothing failed:
// whoever has waited for it may have told that there is none.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		release := f.hang()
		g := start(t, f)
		g.at(7 * time.Second)
		g.wantLogged()
		release()
		synctest.Wait()
		g.wantLogged("level=INFO|etcd can be read now|keys=0")
	})
}

// TestStatusIsFree: nobody who asks for the state waits or allocates.
func TestStatusIsFree(t *testing.T) { //nolint:paralleltest // AllocsPerRun
	m := New(Config{Source: newFake(), Root: testRoot})
	r := m.Follow("n/", newRecorder(t))
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Status(), r.Status() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
