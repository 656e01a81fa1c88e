package writer

import (
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/registrar"
)

// restart makes etcd one that was stopped and started again with the keys of a
// backup at a revision: leases of keys in it are alive.
func (w *world) restart(kvs []*mvccpb.KeyValue, revision int64) {
	w.Reset(kvs, revision)
	w.BreakStreams()
}

// TestWipedEtcd is a client that has no reason to call etcd: the watches that
// break are the only sign, or the connection that is made anew.
func TestWipedEtcd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		revision int64
	}{
		"wiped": {1}, "wiped and written to": {1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, static(orders("a", "b", "c")))
				synctest.Wait() // the watches stand
				w.restart(nil, tt.revision)
				time.Sleep(2 * round)
				if w.Len() != 3 {
					t.Errorf("%d instances are back, want 3", w.Len())
				}
				for _, id := range []string{"a", "b", "c"} {
					wantState(t, w.client, id, registrar.StateRegistered, nil)
				}
				w.Delete(keyA)
				synctest.Wait()
				if w.Get(keyA) == nil {
					t.Error("the watch doesn't work in the new history")
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
	}{
		"lower": {0}, "overtaken": {1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, withTTL(time.Hour))
				w.register(t, weighted(1))
				w.register(t, orders("b"))
				w.register(t, orders("e"))
				kvs, at := w.Keys(), w.Revision()
				if err := w.client.Unregister(t.Context(), orders("e")); err != nil {
					t.Fatal(err)
				}
				w.register(t, weighted(2))
				w.register(t, orders("c"))
				w.register(t, static(orders("d")))
				synctest.Wait() // the watches stand
				w.restart(kvs, max(at, tt.revision))
				time.Sleep(2 * round)
				if w.Len() != 4 {
					t.Errorf("%d instances are back, want 4", w.Len())
				}
				w.wantWeight(t, 2)
				for _, id := range []string{"a", "b", "c", "d"} {
					wantState(t, w.client, id, registrar.StateRegistered, nil)
				}
				// What others write there counts.
				w.Put(keyA, value, 0)
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
		before := w.Counts().Txns
		synctest.Wait() // the watches stand
		w.restart(nil, 1)
		time.Sleep(2 * round)
		if n := w.log.count("history changed"); w.Len() != 300 || n != 1 {
			t.Errorf("%d instances are back after %d alarms, want 300 and 1", w.Len(), n)
		}
		if n := w.Counts().Txns - before; n > 300+50 {
			t.Errorf("%d requests, want one for each watch and few more", n)
		}
	})
}

// TestWriteIntoAnotherHistory: the answer to a write is the first sign that etcd
// went back.
func TestWriteIntoAnotherHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 20 {
			w.register(t, weighted(uint16(i+1)))
		}
		synctest.Wait()
		w.Reset(nil, 1)
		before := w.Counts().Txns
		w.register(t, weighted(50))
		time.Sleep(10 * time.Second)
		w.wantWeight(t, 50)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if n := w.Counts().Txns - before; n > 5 {
			t.Errorf("%d transactions", n)
		}
	})
}
