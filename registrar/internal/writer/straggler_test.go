package writer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// TestStragglerAfterUnregister has etcd carry out a write of a static instance,
// which timed out, after the instance was unregistered.
func TestStragglerAfterUnregister(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"the first write of all": true, "a later one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				if !first {
					w.register(t, weighted(1))
				}
				puts := w.unanswered(func() {
					w.register(t, weighted(10))
					time.Sleep(2 * opTimeout)
				})
				if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
					t.Fatal(err)
				}
				if err := w.client.Wait(t.Context()); err != nil || w.Len() != 0 {
					t.Fatalf("Unregister: %v, %d keys", err, w.Len())
				}
				for _, put := range puts {
					time.Sleep(stragglerLimit / 4)
					w.carryOut(t, put)
					time.Sleep(round)
					if w.Len() != 0 || len(w.client.Status()) != 0 {
						t.Errorf("the straggler stands, status %+v", w.client.Status())
					}
				}
				if n := w.log.count("a delayed write arrived"); n != len(puts) {
					t.Errorf("logged %d times for %d writes:\n%s", n, len(puts), &w.log.Builder)
				}
			})
		})
	}
}

// TestStragglerUnderTheLease: the lease lives as long as the client, and with it
// what came through after all.
func TestStragglerUnderTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("b")) // so that there is a lease
		puts := w.unanswered(func() {
			w.register(t, orders("a"))
			time.Sleep(2 * opTimeout)
		})
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		if err := w.client.Wait(t.Context()); err != nil || w.Len() != 1 || len(puts) == 0 {
			t.Fatalf("Unregister: %v, %d keys; %d puts timed out", err, w.Len(), len(puts))
		}
		for _, put := range puts {
			w.carryOut(t, put)
			time.Sleep(round)
			if w.Get(keyA) != nil || len(w.client.Status()) != 1 {
				t.Errorf("the straggler stands, status %+v", w.client.Status())
			}
		}
		if n := w.log.count("a delayed write arrived"); n != len(puts) {
			t.Errorf("%d of %d writes have come through:\n%s", n, len(puts), &w.log.Builder)
		}
	})
}

// TestStragglerOfOthers: what this client has not sent, or not unacknowledged any
// more, is none of its business once it has unregistered.
func TestStragglerOfOthers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		weight uint16
		after  time.Duration
	}{
		"another value":             {20, 0},
		"the same value, later on":  {10, stragglerLimit + time.Second},
		"one that was acknowledged": {1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, weighted(1))
				w.unanswered(func() {
					w.register(t, weighted(10))
					time.Sleep(2 * opTimeout)
				})
				if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(round + tt.after)
				other := w.another(t)
				if err := other.Register(t.Context(), weighted(tt.weight)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * stragglerLimit)
				wantState(t, other, "a", registrar.StateRegistered, nil)
				w.wantWeight(t, tt.weight)
				if n := w.log.count("a delayed write arrived") + w.log.count("missing from etcd"); n != 0 {
					t.Errorf("the two clients fought:\n%s", &w.log.Builder)
				}
			})
		})
	}
}

// TestRegisteredAgainWithAStraggler: a key that is desired again is not followed
// twice.
func TestRegisteredAgainWithAStraggler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		puts := w.unanswered(func() {
			w.register(t, weighted(10))
			time.Sleep(2 * opTimeout)
		})
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(round)
		w.register(t, weighted(30))
		synctest.Wait()
		if n := len(w.Counts().Watches); n != 1 {
			t.Errorf("the key has %d watches", n)
		}
		w.carryOut(t, puts[0])
		synctest.Wait()
		w.wantWeight(t, 30)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

// TestStragglerIsRemovedOnce: what has come through is not unacknowledged any more, and
// the same value is another client's from then on.
func TestStragglerIsRemovedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		puts := w.unanswered(func() {
			w.register(t, weighted(10))
			time.Sleep(opTimeout - writeWait + time.Millisecond)
		})
		if len(puts) != 1 {
			t.Fatalf("%d puts timed out, want 1", len(puts))
		}
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(round)
		w.carryOut(t, puts[0])
		time.Sleep(round)
		if w.Len() != 0 {
			t.Fatal("the straggler stands")
		}
		other := w.another(t, leaveOnClose)
		if err := other.Register(t.Context(), weighted(10)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(round)
		if n := w.log.count("a delayed write arrived"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, &w.log.Builder)
		}
		wantState(t, other, "a", registrar.StateRegistered, nil)
	})
}

// TestOldChangeAfterRelease: what the mirror shows of before the end of a removal, before it
// is told that the key is not followed any more, is no straggler.
func TestOldChangeAfterRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, static(orders("a")))
		time.Sleep(round)
		table := w.client.table
		table.with(func() {
			e := table.index.entry(instance("default", "orders", "a"))
			old := sighting{key: e.key, observed: e.observed, revision: e.observed.revision}
			e.desired, e.observed, e.asOf = desired{}, observed{presence: absent}, e.asOf+2
			table.touch(e, false)
			sub := &subscription{followed: e.sub, table: table}
			sub.commit(mirror.Commit{Cause: mirror.CauseWatch, Revision: old.revision}, []sighting{old})
			if e.observed.presence != unknown || e.state != "" {
				t.Errorf("the key is %+v, state %q", e.observed, e.state)
			}
		})
		synctest.Wait()
		if n := w.log.count("a delayed write arrived"); n != 0 {
			t.Errorf("logged %d times:\n%s", n, &w.log.Builder)
		}
	})
}
