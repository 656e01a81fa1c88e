package mirror

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// losing makes watches leave out the changes of keys that end in the suffix.
func losing(f *fakeEtcd, suffix string) {
	f.set(func() {
		f.onEvents = func(evs []*mvccpb.Event) []*mvccpb.Event {
			var left []*mvccpb.Event
			for _, ev := range evs {
				if !strings.HasSuffix(string(ev.Kv.Key), suffix) {
					left = append(left, ev)
				}
			}
			return left
		}
	})
}

// TestAuditFindsGaps loses changes of each kind without a word. The audit that comes every five
// minutes finds them, counts them, and has them repaired. In CoreDNS's plugin kubernetes they
// ended in NXDOMAIN for good (coredns#3879, eve#6113).
func TestAuditFindsGaps(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.put("/r/n/s/ghost-lost", "1")
		f.put("/r/n/s/old-lost", "1")
		f.put("/r/n/s/same", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		losing(f, "-lost")
		f.delete("/r/n/s/ghost-lost")
		f.put("/r/n/s/old-lost", "2")
		f.put("/r/n/s/new-lost", "1")
		f.put("/r/n/s/seen", "1")
		g.at(auditEvery * 4 / 5)
		g.wantAudited()
		g.wantFailed()
		g.at(auditEvery + relist)
		g.wantAudited(3)
		g.wantFailed(ReasonAudit)
		g.wantListed(ReasonStart, ReasonAudit)
		g.wantEqual()
		g.wantStates("live@0s")
		g.wantLogged("level=WARN|differences=3|n/s/new-lost|n/s/old-lost")
		g.passed(auditEvery)
		g.wantAudited(3, 0)
	})
}

// TestAuditAfterReconnect: each break of a watch is followed by an audit, soon
// but not at the same time for everybody, and not over and over.
func TestAuditAfterReconnect(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		for round := range 5 {
			g.passed(time.Minute)
			f.end()
			g.passed(retryBase + auditSoon)
			if got := len(f.look().audits); got != round+1 {
				t.Fatalf("%d audits after %d reconnects", got, round+1)
			}
		}
		g.wantAudited(0, 0, 0, 0, 0)
		g.wantListed(ReasonStart)

		// Audits that take long keep apart.
		f.set(func() {
			f.onPage = func(ctx context.Context, _ int) error {
				time.Sleep(time.Second)
				return ctx.Err()
			}
		})
		f.end()
		g.passed(retryBase + auditSoon + time.Second)
		before := len(f.look().audits)
		for range 15 { // connections that break every second, within auditShare of the last audit
			f.end()
			g.passed(time.Second)
		}
		f.set(func() { f.onPage = nil })
		if n := len(f.look().audits) - before; n > 1 {
			t.Errorf("%d audits in a quarter of a minute of broken connections", n)
		}
		g.passed(auditLimit + auditSoon)
		g.wantEqual()
	})
}

// TestAuditAndListInTime: what an audit finds after a reconnect is right within
// ten seconds, whenever the audit starts and though it and the list take a while.
func TestAuditAndListInTime(t *testing.T) {
	t.Parallel()
	const took = 2 * time.Second // an audit, and a list
	scenario(t, func(f *fakeEtcd) {
		f.put("/r/n/s/old-lost", "1")
		f.onPage = func(ctx context.Context, _ int) error {
			time.Sleep(took)
			return ctx.Err()
		}
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		losing(f, "-lost")
		for range 20 {
			g.passed(time.Minute)
			f.end()
			g.passed(retryBase + auditSoon + took) // an audit that puts off the next
			f.put("/r/n/s/old-lost", "2")
			f.end()
			g.passed(retryBase + 10*time.Second)
			g.wantEqual()
		}
	})
}

// TestAuditBesideChanges audits while the watch goes on: what changes meanwhile
// is no difference.
func TestAuditBesideChanges(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.pageSize = 1
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			f.put("/r/n/s/"+key, "1")
		}
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() {
			f.onPage = func(_ context.Context, page int) error {
				switch page {
				case 1:
					f.put("/r/n/s/a", "2") // after its page
					f.put("/r/n/s/e", "2") // before its page
					f.delete("/r/n/s/b")
					f.delete("/r/n/s/d")
					f.put("/r/n/s/d", "2")
					f.put("/r/n/s/f", "1")
				case 3:
					f.delete("/r/n/s/f")
					f.put("/r/n/s/b", "3")
				}
				time.Sleep(time.Second) // until the watch has told of it
				return nil
			}
		})
		g.at(auditEvery + 10*time.Second)
		g.wantAudited(0)
		g.wantFailed()
		g.wantEqual()
	})
}

// TestRestoredAndOvertaken is an etcd that was restored from a backup, and whose
// revision is beyond the mirror's by the time it is seen again: with keys that
// have the same revision and another value, or are there no more.
func TestRestoredAndOvertaken(t *testing.T) {
	t.Parallel()
	var restore func()
	scenario(t, func(f *fakeEtcd) { restore = restored(f) }, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore()                   // at 3
		f.put("/r/n/s/c", "new")    // 4
		f.put("/r/n/s/d", "new")    // 5
		f.put("/r/n/s/a", "new")    // 6, as the one that was lost
		f.put("/r/n/s/b", "new")    // 7, too
		f.put("/r/n2/s/x", "other") // 8
		f.put("/r/n2/s/x", "other") // 9
		f.end()
		g.passed(retryBase + auditSoon + relist)
		g.wantAudited(6) // a, b, c, d, same, ghost
		g.wantListed(ReasonStart, ReasonAudit)
		g.wantEqual()
	})
}

// TestOtherCluster has the endpoints lead to another cluster, whose revisions
// mean nothing to the mirror.
func TestOtherCluster(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.cluster = 1
		f.put("/r/n/s/a", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		backup := newFake()
		backup.put("/r/n/s/a", "2")
		kvs, _ := backup.contents(testPrefix)
		f.set(func() {
			f.cluster = 2
			f.keys["/r/n/s/a"].Value = kvs[0].Value // at the same revision
		})
		f.end()
		g.passed(2*retryBase + relist) // one pause, and another, since the watch was of no use
		g.wantListed(ReasonStart, ReasonRegressed)
		g.wantEqual()
	})
}

// TestAuditErrors checks audits that break: tried again, no failure of the
// mirror.
func TestAuditErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errDown, rpctypes.ErrCompacted, rpctypes.ErrPermissionDenied} {
		t.Run(err.Error(), func(t *testing.T) {
			t.Parallel()
			scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
				f.set(func() { f.onPage = failing(err) })
				g.at(auditEvery + 3*auditRetry)
				// The first one is up to a fifth of auditEvery early.
				if n := len(f.look().audits); n < 3 || n > 20 {
					t.Errorf("%d audits, want a new one every %v", n, auditRetry)
				}
				g.wantAudited()
				g.wantFailed()
				if said := g.rec.look().unended; len(said) != len(f.look().audits) || !errors.Is(said[0], err) {
					t.Errorf("told of %v, want %d audits that ended with %v", said, len(f.look().audits), err)
				}
				f.set(func() { f.onPage = nil })
				g.passed(auditRetry)
				g.wantAudited(0)
			})
		})
	}
}

// TestAuditOfFutureRevision is an audit that meets an etcd that was restored and
// is still behind, though the watch has not told.
func TestAuditOfFutureRevision(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		asked := 0
		f.set(func() {
			f.onPage = func(context.Context, int) error {
				if asked++; asked == 1 {
					return rpctypes.ErrFutureRev
				}
				return nil
			}
		})
		g.at(auditEvery + relist)
		g.wantFailed(ReasonRegressed)
		g.wantListed(ReasonStart, ReasonRegressed)
	})
}

// TestLongKeys are mirrored like others, but remembered by their hash.
func TestLongKeys(t *testing.T) {
	t.Parallel()
	long := "/r/n/s/" + strings.Repeat("x", 1<<20)
	scenario(t, func(f *fakeEtcd) {
		f.put(long, "1")
		f.put(long+"y", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.wantEqual()
		for p := g.loop.views[g.rec].index.from(""); p.more; p.next() {
			if len(p.key) > maxIndexed {
				t.Errorf("the index holds a key of %d bytes", len(p.key))
			}
		}
		f.put(long, "2")
		f.delete(long + "y")
		synctest.Wait()
		g.wantEqual()
		g.at(auditEvery)
		g.wantAudited(0)
	})
}

// TestEntriesTellApart checks what an audit compares.
func TestEntriesTellApart(t *testing.T) {
	t.Parallel()
	base := mvccpb.KeyValue{Value: []byte("v"), ModRevision: 5, Lease: 7}
	same := mvccpb.KeyValue{Value: []byte("v"), ModRevision: 5, Lease: 7, Version: 3}
	if entryOf(&base) != entryOf(&same) {
		t.Error("equal keys differ")
	}
	for name, other := range map[string]*mvccpb.KeyValue{
		"revision": {Value: []byte("v"), ModRevision: 6, Lease: 7},
		"value":    {Value: []byte("w"), ModRevision: 5, Lease: 7},
		"lease":    {Value: []byte("v"), ModRevision: 5},
	} {
		if entryOf(&base) == entryOf(other) {
			t.Errorf("keys that differ by %s are equal", name)
		}
	}
}

// TestAuditAfterSlowStart: a stream that opens long after the list can be one to an
// etcd that was restored since, which a watch does not show.
func TestAuditAfterSlowStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("/r/n/s/a", "1")
		restore := f.backup()
		f.put("/r/n/s/a", "lost")
		opened := make(chan struct{})
		f.onStream = func(ctx context.Context) error {
			select {
			case <-opened:
			case <-ctx.Done():
			}
			return ctx.Err()
		}
		g := start(t, f)
		<-g.Listed()
		g.passed(watchSilence / 2)
		restore()
		f.put("/r/n/s/b", "1") // at the revision of the list
		close(opened)
		g.passed(10 * time.Second)
		g.wantEqual()
	})
}
