package mirror

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// scenario runs one mirror against a fake inside a bubble, which also checks
// that nothing of the mirror is left once it has been stopped.
func scenario(t *testing.T, prepare func(*fakeEtcd), run func(*testing.T, *fakeEtcd, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		if prepare != nil {
			prepare(f)
		}
		run(t, f, start(t, f))
	})
}

func TestListThenWatch(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.put("/r/n/s/a", "1")
		f.put("/r/n/s/b", "2")
		f.put("/r/n2/s/x", "of another prefix")
		f.put("/r/n/s/_status/a", "3")
		f.put("/r/n/t/c", "4")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		select {
		case <-g.Ready():
		default:
			t.Fatal("not synced after the first list")
		}
		g.wantState(Live)
		g.wantEqual()
		g.wantApplied("+n/s/_status/a", "+n/s/a", "+n/s/b", "+n/t/c")
		if want := (stored{"2", 3, leaseOf("/r/n/s/b")}); g.rec.look().keys["n/s/b"] != want {
			t.Errorf("n/s/b is %+v, want %+v", g.rec.look().keys["n/s/b"], want)
		}
		if got := g.Mirror.Status().Revision; got != 6 {
			t.Errorf("revision %d after the list, want 6", got)
		}

		f.put("/r/n/s/a", "5")
		f.delete("/r/n/s/b")
		f.put("/r/n/s/b", "6")
		f.txn(map[string]string{"/r/n/s/d": "7", "/r/n/s/e": "7", "/r/n2/s/x": "7"})
		f.delete("/r/n/t/c")
		synctest.Wait()
		g.wantApplied("+n/s/a", "-n/s/b", "+n/s/b", "+n/s/d", "+n/s/e", "-n/t/c")
		g.wantEqual()
		if got := g.Mirror.Status(); got.Revision != 11 || !got.Contact.Equal(time.Now()) || got.Err != nil {
			t.Errorf("status %+v, want revision 11, contact now, no error", got)
		}
		g.wantListed(ReasonStart)
		g.wantFailed()
		g.wantStates("live@0s")
	})
}

func TestEmptyPrefixIsLive(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.wantState(Live)
		g.wantApplied()
		f.put("/r/n/s/a", "1")
		synctest.Wait()
		g.wantEqual()
	})
}

// TestProgress checks that an idle prefix stays live and follows the revision
// that writes elsewhere raise.
func TestProgress(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.passed(time.Second)
		f.put("/elsewhere", "1")
		g.at(progressEvery - 1)
		if got := g.Mirror.Status().Revision; got != 1 {
			t.Errorf("revision %d before progress, want 1", got)
		}
		g.at(progressEvery)
		if got := g.Mirror.Status(); got.Revision != 2 || !got.Contact.Equal(time.Now()) {
			t.Errorf("status %+v after progress, want revision 2 and contact now", got)
		}
		g.at(time.Hour)
		g.wantStates("live@0s")
		g.wantListed(ReasonStart)
		g.wantApplied()
		if f.look().probes > 0 {
			t.Errorf("%d probes beside a watch that answers", f.look().probes)
		}
	})
}

// TestStates checks the times at which a mirror changes its state while etcd
// hangs: killed, stopped and partitioned look like that.
func TestStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("/r/n/s/a", "1")
		release := f.hang()
		g := start(t, f)
		g.at(3 * time.Second)
		g.wantState(Unsynced)
		select {
		case <-g.Ready():
			t.Error("synced without a list")
		default:
		}
		release()
		g.at(3 * time.Second)
		g.wantState(Live)

		f.put("/r/n/s/a", "2")
		g.at(4 * time.Second)
		f.put("/r/n/s/a", "3") // the last contact
		synctest.Wait()
		release = f.hang()
		f.put("/r/n/s/a", "4")
		f.put("/r/n/s/b", "4")
		g.at(4*time.Second + FreshFor - 1)
		g.wantState(Live)
		g.at(4*time.Second + FreshFor)
		g.wantState(Stale)
		if got := g.Mirror.Status(); got.Revision != 4 || got.Keys != 1 || time.Since(got.Contact) != FreshFor {
			t.Errorf("stale status %+v, want revision 4, 1 key, contact %v ago", got, FreshFor)
		}
		g.at(time.Minute)
		if err := g.Mirror.Status().Err; err == nil {
			t.Error("no error a minute after contact was lost")
		}
		release()
		g.at(time.Minute + retryLimit)
		g.wantState(Live)
		if len(g.rec.look().states) != 3 {
			t.Fatalf("states %v, want three", g.rec.look().states)
		}
		g.wantStates("live@3s", "stale@10s", g.rec.look().states[2])
		g.wantEqual()
		if err := g.Mirror.Status().Err; err != nil {
			t.Errorf("error %v while live", err)
		}
	})
}

// TestLateExpiry is a timer that fires while there is contact.
func TestLateExpiry(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(_ *testing.T, _ *fakeEtcd, g *rig) {
		g.passed(progressEvery)
		g.loop.report.expire(true)
		g.wantState(Live)
	})
}

// TestChangesBetweenListAndWatch are not lost, and not applied twice.
func TestChangesBetweenListAndWatch(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.pageSize = 1
		f.put("/r/n/s/a", "1")
		f.put("/r/n/s/b", "1")
		f.onPage = func(_ context.Context, page int) error {
			if page == 1 { // the list shows what was there when it began
				f.put("/r/n/s/a", "2")
				f.delete("/r/n/s/b")
			}
			return nil
		}
		f.onStream = func(context.Context) error {
			f.put("/r/n/s/c", "1")
			return nil
		}
	}, func(t *testing.T, _ *fakeEtcd, g *rig) {
		g.wantApplied("+n/s/a", "+n/s/b", "+n/s/a", "-n/s/b", "+n/s/c")
		g.wantEqual()
		g.wantListed(ReasonStart)
	})
}

// TestRepeats checks that changes that are known are not applied again.
func TestRepeats(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.put("/r/n/s/b", "1")
		f.txn(map[string]string{"/r/n/s/a": "1", "/r/n/s/c": "1"}) // the watch starts here
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.wantApplied("+n/s/a", "+n/s/b", "+n/s/c")
		f.put("/r/n/s/a", "2")
		f.delete("/r/n/s/c")
		synctest.Wait()
		last := []*mvccpb.Event{{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte("/r/n/s/c"), ModRevision: 5}}}
		f.say(&pb.WatchResponse{Header: &pb.ResponseHeader{Revision: 5}, Events: last})
		synctest.Wait()
		g.wantApplied("+n/s/a", "-n/s/c")
		g.wantEqual()
		g.wantFailed()
	})
}

func TestCatchingUpHeaderIsNotBelieved(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.say(&pb.WatchResponse{
			Header: &pb.ResponseHeader{Revision: 100},
			Events: []*mvccpb.Event{{Type: mvccpb.Event_PUT, Kv: &mvccpb.KeyValue{Key: []byte("/r/n/s/a"), ModRevision: 3}}},
		})
		synctest.Wait()
		if got := g.Mirror.Status().Revision; got != 3 || g.rec.look().revision != 3 {
			t.Errorf("complete up to %d (the view: %d), want 3, the event's", got, g.rec.look().revision)
		}
	})
}
