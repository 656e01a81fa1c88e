package mirror

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// TestWatchEnds checks each way in which a watch ends, with changes meanwhile.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	header := &pb.ResponseHeader{Revision: 1000}
	// As etcd does it, and its gRPC proxy: by the error's text.
	refused := func(err error) *pb.WatchResponse {
		return &pb.WatchResponse{Header: header, Created: true, Canceled: true, CancelReason: err.Error()}
	}
	tests := []struct {
		name   string
		last   *pb.WatchResponse
		broken error // the stream's
		reason Reason
		err    error
	}{
		{"closed", nil, nil, ReasonClosed, errClosed},
		{"no leader", nil, rpctypes.ErrNoLeader, ReasonLeader, rpctypes.ErrNoLeader},
		{"compacted", &pb.WatchResponse{Header: header, Canceled: true, CompactRevision: 6}, nil, ReasonCompacted, rpctypes.ErrCompacted},
		{"cancelled", &pb.WatchResponse{Header: header, Canceled: true}, nil, ReasonClosed, rpctypes.ErrFutureRev},
		{"token", refused(rpctypes.ErrGRPCInvalidAuthToken), nil, ReasonAuth, rpctypes.ErrInvalidAuthToken},
		{"permission", refused(rpctypes.ErrGRPCPermissionDenied), nil, ReasonAuth, rpctypes.ErrPermissionDenied},
		{"user", refused(rpctypes.ErrGRPCUserEmpty), nil, ReasonAuth, rpctypes.ErrUserEmpty},
		{"old auth revision", refused(rpctypes.ErrGRPCAuthOldRevision), nil, ReasonAuth, rpctypes.ErrAuthOldRevision},
		{"permission by a proxy", refused(rpctypes.ErrPermissionDenied), nil, ReasonAuth, rpctypes.ErrPermissionDenied},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(f *fakeEtcd) {
				f.put("/r/n/s/ghost", "1")
				f.put("/r/n/s/same", "1")
				f.put("/r/n/s/new", "1")
			}, func(t *testing.T, f *fakeEtcd, g *rig) {
				g.at(progressEvery) // a watch that worked
				g.rec.take()
				f.set(func() { f.deaf, f.broken = true, tt.broken })
				f.delete("/r/n/s/ghost")
				f.put("/r/n/s/new", "2")
				f.put("/r/n/s/newer", "1")
				if tt.reason == ReasonCompacted {
					f.compact()
				}
				if tt.last == nil {
					f.end()
				} else {
					f.cancel(tt.last)
				}
				f.set(func() { f.deaf = false })
				synctest.Wait()
				g.wantFailed(tt.reason)
				if err := g.rec.look().errs[0]; !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				if g.Mirror.Status().Err == nil {
					t.Error("no error in the status")
				}
				g.at(progressEvery + relist)
				if tt.reason == ReasonCompacted {
					g.wantListed(ReasonStart, tt.reason)
					g.wantApplied("+n/s/new", "+n/s/newer", "-n/s/ghost")
				} else {
					g.wantListed(ReasonStart)
					g.wantApplied("-n/s/ghost", "+n/s/new", "+n/s/newer")
				}
				g.wantResumed(ReasonStart, tt.reason)
				g.wantEqual()
				g.wantStates("live@0s") // too short to be stale
				if pause := f.look().opened[1].Sub(g.rec.start) - progressEvery; pause < retryBase/2 || pause > relist ||
					tt.reason != ReasonCompacted && pause > retryBase {
					t.Errorf("went on after %v, want %v to %v, and up to %v for a list", pause, retryBase/2, retryBase, relist)
				}
				f.put("/r/n/s/after", "1")
				synctest.Wait()
				g.wantApplied("+n/s/after")
				if f.look().watches != 1 {
					t.Errorf("%d watches open, want 1", f.look().watches)
				}
			})
		})
	}
}

// TestCutThenCompacted is a watch that is cut off, and finds its place
// compacted when it is back.
func TestCutThenCompacted(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.put("/r/n/s/ghost", "1")
		f.put("/r/n/s/same", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.take()
		f.set(func() { f.deaf = true })
		f.delete("/r/n/s/ghost")
		f.put("/r/n/s/a", "1")
		f.compact()
		f.hear()
		g.passed(relist)
		g.wantListed(ReasonStart, ReasonCompacted)
		g.wantApplied("+n/s/a", "-n/s/ghost")
		g.wantEqual()
	})
}

// TestListErrors checks lists that break half-way.
func TestListErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		reason Reason
	}{
		{"compacted", rpctypes.ErrCompacted, ReasonCompacted},
		{"permission denied", rpctypes.ErrPermissionDenied, ReasonAuth},
		{"wrong password", rpctypes.ErrAuthFailed, ReasonAuth},
		{"no user", rpctypes.ErrUserEmpty, ReasonAuth},
		{"old auth revision", rpctypes.ErrAuthOldRevision, ReasonAuth},
		{"corrupt member", rpctypes.ErrCorrupt, ReasonCorrupt},
		{"no leader", rpctypes.ErrNoLeader, ReasonLeader},
		{"unreachable", errDown, ReasonList},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(f *fakeEtcd) {
				f.put("/r/n/s/a", "1")
				f.put("/r/n/s/b", "1")
				f.put("/r/n/s/c", "1")
				f.put("/r/n/s/d", "1")
				f.onPage = func(_ context.Context, page int) error {
					if page == 1 {
						return tt.err
					}
					return nil
				}
			}, func(t *testing.T, f *fakeEtcd, g *rig) {
				g.wantState(Unsynced)
				g.wantFailed(tt.reason)
				if err := g.Mirror.Status().Err; !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				g.wantApplied() // a list is shown whole
				if g.rec.look().revision != 0 {
					t.Errorf("revision %d before a list was complete", g.rec.look().revision)
				}
				f.set(func() { f.onPage = nil })
				f.delete("/r/n/s/a")
				g.at(relist)
				g.wantListed(tt.reason)
				g.wantApplied("+n/s/b", "+n/s/c", "+n/s/d")
				g.wantEqual()
				g.wantState(Live)
			})
		})
	}
}

// TestListHangsHalfway checks that the clock runs per page, not per list.
func TestListHangsHalfway(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.pageSize = 1
		for _, key := range []string{"a", "b", "c"} {
			f.put("/r/n/s/"+key, "1")
		}
		f.onPage = func(ctx context.Context, page int) error {
			if page < 2 {
				time.Sleep(pageTimeout - time.Second) // slow, but not too slow
				return ctx.Err()
			}
			<-ctx.Done()
			return ctx.Err()
		}
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		end := 2*(pageTimeout-time.Second) + pageTimeout
		g.at(end - 1)
		g.wantFailed()
		g.wantApplied() // a list is shown whole
		g.at(end)
		g.wantFailed(ReasonList)
		if err := g.Mirror.Status().Err; !errors.Is(err, errPage) {
			t.Errorf("error %v, want %v", err, errPage)
		}
		f.set(func() { f.onPage = nil })
		g.at(end + relist)
		g.wantState(Live)
		g.wantEqual()
	})
}

// TestWatchHangsOnOpening is a server that answers a list and then no more.
func TestWatchHangsOnOpening(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.onStream = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.at(watchSilence - 1)
		g.wantFailed()
		g.wantState(Stale)
		f.set(func() { f.onStream = nil })
		f.put("/r/n/s/a", "1")
		g.at(watchSilence)
		g.wantFailed(ReasonSilent)
		g.at(watchSilence + relist)
		g.wantState(Live)
		g.wantEqual()
	})
}

// TestDisorder checks that a watch that shows an old change after newer ones is
// not believed: what else it left out only a list shows.
func TestDisorder(t *testing.T) {
	t.Parallel()
	kv := func(key, value string, revision int64) *mvccpb.KeyValue {
		return &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: revision}
	}
	put := func(key string, revision int64) *mvccpb.Event {
		return &mvccpb.Event{Type: mvccpb.Event_PUT, Kv: kv(key, "an old one", revision)}
	}
	del := func(key string, revision int64) *mvccpb.Event {
		return &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: kv(key, "", revision)}
	}
	header := &pb.ResponseHeader{Revision: 9}
	tests := []struct {
		name  string
		resps []*pb.WatchResponse
	}{
		{"in one response", []*pb.WatchResponse{{Header: header, Events: []*mvccpb.Event{del("/r/n/s/a", 9), put("/r/n/s/a", 8)}}}},
		{"in two responses", []*pb.WatchResponse{
			{Header: header, Events: []*mvccpb.Event{del("/r/n/s/a", 9)}},
			{Header: header, Events: []*mvccpb.Event{put("/r/n/s/a", 8)}},
		}},
		{"behind progress", []*pb.WatchResponse{
			{Header: header},
			{Header: header, Events: []*mvccpb.Event{del("/r/n/s/a", 8)}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(f *fakeEtcd) {
				f.put("/r/n/s/a", "1")
				f.put("/r/n/s/b", "1")
			}, func(t *testing.T, f *fakeEtcd, g *rig) {
				f.set(func() { f.deaf = true })
				for range 6 {
					f.put("/r/n/s/b", "2") // up to revision 9
				}
				f.delete("/r/n/s/a")
				for _, resp := range tt.resps {
					f.say(resp)
				}
				f.set(func() { f.deaf = false })
				g.passed(relist)
				g.wantFailed(ReasonDisorder)
				if err := g.rec.look().errs[0]; !errors.Is(err, errDisorder) {
					t.Errorf("error %v, want %v", err, errDisorder)
				}
				g.wantEqual()
			})
		})
	}
}
