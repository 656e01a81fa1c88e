package etcd

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/registrar"
)

// backup returns the keys as they are.
func (w *world) backup() map[string]*mvccpb.KeyValue {
	return peek(w, func() map[string]*mvccpb.KeyValue { return maps.Clone(w.kvs) })
}

// restart makes the fake an etcd that was stopped and started again with the
// keys of a backup at a revision: leases in it are alive. Watches are broken, or
// resumed in silence, as clientv3 does where the connection was all that broke.
func (w *world) restart(kvs map[string]*mvccpb.KeyValue, revision int64, silent bool) {
	w.with(func() {
		clear(w.kvs)
		maps.Copy(w.kvs, kvs)
		for id, l := range w.leases {
			if kvs == nil {
				l.timer.Stop()
				delete(w.leases, id)
			}
		}
		w.history, w.revision = nil, revision
		if silent {
			w.reconnect()
		} else {
			w.breakWatches()
		}
	})
}

// TestWipedEtcd is a client that has no reason to call etcd: the watches that
// break are the only sign, or the connection that is made anew.
func TestWipedEtcd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		revision int64
		silent   bool
	}{
		"wiped": {1, false}, "wiped and written to": {1000, false},
		"wiped, in silence": {1, true}, "wiped and written to, in silence": {1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, static(orders("a", "b", "c")))
				synctest.Wait() // the watches stand
				w.restart(nil, tt.revision, tt.silent)
				time.Sleep(2 * round)
				if w.keys() != 3 {
					t.Errorf("%d instances are back, want 3", w.keys())
				}
				for _, id := range []string{"a", "b", "c"} {
					wantState(t, w.client, id, registrar.StateRegistered, nil)
				}
				w.with(func() { w.delete(keyA) })
				synctest.Wait()
				if w.get(keyA) == nil {
					t.Error("the watch doesn't work in the new history")
				}
				if n := w.log.count("gone back"); (n == 1) != (tt.revision == 1) {
					t.Errorf("logged %d times", n)
				}
			})
		})
	}
}

// TestRestoredBackup has keys of before and lacks later ones; the lease in it
// lives.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		revision int64
		silent   bool
	}{
		"lower": {0, false}, "overtaken": {1000, false},
		"lower, in silence": {0, true}, "overtaken, in silence": {1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, registrar.WithLeaseTTL(time.Hour))
				w.register(t, weighted(1))
				w.register(t, orders("b"))
				w.register(t, orders("e"))
				kvs, at := w.backup(), w.at()
				if err := w.client.Unregister(t.Context(), orders("e")); err != nil {
					t.Fatal(err)
				}
				w.register(t, weighted(2))
				w.register(t, orders("c"))
				w.register(t, static(orders("d")))
				synctest.Wait() // the watches stand
				w.restart(kvs, max(at, tt.revision), tt.silent)
				time.Sleep(2 * round)
				if w.keys() != 4 {
					t.Errorf("%d instances are back, want 4", w.keys())
				}
				w.wantWeight(t, 2)
				for _, id := range []string{"a", "b", "c", "d"} {
					wantState(t, w.client, id, registrar.StateRegistered, nil)
				}
				// What others write there counts.
				w.with(func() { w.put(keyA, value, 0) })
				synctest.Wait()
				wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
			})
		})
	}
}

// TestManyWatchesOneAlarm: each key's watch finds out that etcd went back.
func TestManyWatchesOneAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := static(orders())
		for i := range 300 {
			s.Instances = append(s.Instances, registrar.Instance{Host: "db.example.com", ID: "i" + string(rune('a'+i%26)) + string(rune('a'+i/26)), Static: true})
		}
		w.register(t, s)
		before := w.requests()
		synctest.Wait() // the watches stand
		w.restart(nil, 1, false)
		time.Sleep(2 * round)
		if n := w.log.count("gone back"); w.keys() != 300 || n != 1 {
			t.Errorf("%d instances are back after %d alarms, want 300 and 1", w.keys(), n)
		}
		if n := w.requests() - before; n > 300+50 {
			t.Errorf("%d requests, want one for each watch and few more", n)
		}
	})
}

// TestOldAnswerIsNoAlarm: an answer of the time before etcd went back, or one
// that another has overtaken, tells nothing.
func TestOldAnswerIsNoAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, static(orders("a")))
		s := w.client.Registry.(*driver).parts.Load().writer
		early := s.mark()
		s.reached(early, 100)
		s.reached(early, 50)
		late := s.mark()
		if late.revision != 100 || w.log.count("gone back") != 0 {
			t.Errorf("etcd is taken to be at %+v", late)
		}
		w.set(fakeHung)
		s.reached(late, 20)
		s.reached(late, 10)
		synctest.Wait()
		if got := s.mark(); got.revision != 20 || got.era != late.era+1 || w.log.count("gone back") != 1 {
			t.Errorf("etcd is taken to be at %+v, %d alarms", got, w.log.count("gone back"))
		}
	})
}
