package writer

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// renewed returns how many keepalives were answered, and by how many streams.
func (w *world) renewed() (renewals, streams, open int) {
	c := w.Counts()
	return c.Renewals, c.Streams, c.Open
}

// TestKeepalives: one stream for all of them, a third of the TTL apart at most, and somewhat
// less. Single requests of 4,000 processes overloaded the log-ins of etcd in go-micro#2821.
func TestKeepalives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		time.Sleep(100 * ttl)
		n, streams, open := w.renewed()
		if n < 300 || n > 360 {
			t.Errorf("%d keepalives in 100 TTLs, want 300 to 375, 333 most likely", n)
		}
		if streams != 1 || open != 1 {
			t.Errorf("%d streams, %d open, want 1", streams, open)
		}
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait() // for the fake to notice
		if _, _, open := w.renewed(); open != 0 {
			t.Errorf("%d streams are open after Close", open)
		}
	})
}

// TestBrokenStreamIsReplaced: by one other, which the next keepalive opens. go-kit#1043,
// registry-etcd#11 and trillian#2654 took the end of a stream for the end of renewal.
func TestBrokenStreamIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		time.Sleep(ttl)
		for range 10 {
			w.BreakStreams()
			time.Sleep(ttl)
		}
		if _, streams, open := w.renewed(); streams != 11 || open != 1 {
			t.Errorf("%d streams after 10 that broke, %d open; want 11 and 1", streams, open)
		}
		if n := w.log.count(`msg="registrar:`); n != 0 {
			t.Errorf("%d lines of log for streams that broke:\n%s", n, &w.log.Builder)
		}
	})
}

// TestSilentStreamIsReplaced: one on a connection that is dead without a word.
func TestSilentStreamIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withTTL(6*time.Second))
		w.register(t, orders("a"))
		time.Sleep(ttl)
		before := w.leaseOf(keyA)
		w.SetState(faulty.Hung)
		time.Sleep(4 * time.Second)
		w.SetState(faulty.Up)
		time.Sleep(ttl)
		if _, streams, open := w.renewed(); streams < 2 || open != 1 {
			t.Errorf("%d streams, %d open; want another in place of the silent one", streams, open)
		}
		if w.leaseOf(keyA) != before {
			t.Error("the lease is another")
		}
	})
}

// TestLeaseSavedAtTheLastMoment: a pause between tries never costs the lease.
func TestLeaseSavedAtTheLastMoment(t *testing.T) {
	t.Parallel()
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, orders("a"))
			before := w.leaseOf(keyA)
			w.SetState(faulty.Down)
			time.Sleep(ttl - 3*retryBase)
			w.SetState(faulty.Up)
			time.Sleep(ttl)
			if w.leaseOf(keyA) != before || w.Counts().Grants != 1 {
				t.Errorf("the lease is another, %d grants", w.Counts().Grants)
			}
		})
	}
}

// TestOneKeyDenied: one key that may no longer be written denies the renewal of
// the lease, and with it of all others.
func TestOneKeyDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		created := w.Get(keyB).CreateRevision
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return key == keyA } })
		time.Sleep(10 * ttl)
		if kv := w.Get(keyB); kv == nil || kv.CreateRevision != created {
			t.Errorf("b was lost: %v", kv)
		}
		if w.Get(keyA) != nil || w.Counts().Grants != 2 {
			t.Errorf("a is %v after %d grants, want it gone with the first lease", w.Get(keyA), w.Counts().Grants)
		}
		wantState(t, w.client, "a", registrar.StateFailed, registrar.ErrPermission)
		wantState(t, w.client, "b", registrar.StateRegistered, nil)
		w.Set(func(f *faulty.Faults) { f.Denied = nil })
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

// TestSilenceSaysWhy: a password that is no longer valid, met by keepalives.
func TestSilenceSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		synctest.Wait() // the key is watched
		w.Set(func(f *faulty.Faults) { f.Fail = rpctypes.ErrAuthFailed })
		time.Sleep(ttl * 2 / 3)
		synctest.Wait()
		wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrPermission)
		if n := w.log.count(`msg="registrar:`); n != 1 || w.log.count("not answered: etcdserver: authentication failed") != 1 {
			t.Errorf("%d lines of log, want 1 that says why:\n%s", n, &w.log.Builder)
		}
		time.Sleep(time.Hour)
		wantState(t, w.client, "a", registrar.StateFailed, registrar.ErrPermission)
		// The watch, which needs no log-in, has told that the instance is gone.
		if n := w.log.count(`msg="registrar:`); n > 4 {
			t.Errorf("%d lines of log in an hour, want 4:\n%s", n, &w.log.Builder)
		}
		w.Set(func(f *faulty.Faults) { f.Fail = nil })
		time.Sleep(ttl)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

// TestStoppedProcessIsNoOutage: the time-out for keepalives and the next one are
// due at once when a process goes on that was stopped.
func TestStoppedProcessIsNoOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		l := w.client.reconciler.lease
		l.silence.Reset(0)
		time.Sleep(time.Millisecond)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		time.Sleep(ttl)
		// It still runs out where there is no answer.
		w.SetState(faulty.Hung)
		l.silence.Reset(0)
		time.Sleep(ttl/3 + 2*opTimeout)
		wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrUnavailable)
		if n := w.log.count("registrar: no contact"); n != 1 {
			t.Errorf("%d losses of contact are logged, want 1:\n%s", n, &w.log.Builder)
		}
	})
}

// TestBusyProcessIsNoOutage: after a keepalive that came to nothing one was answered, but the
// reconciler was busy until both that and the time-out for keepalives are due.
func TestBusyProcessIsNoOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		renewals := make(chan renewal, 1)
		l := &lease{backend: w.client.reconciler.backend, renewals: renewals, silence: stoppedTimer(), ttl: ttl}
		failed := errors.New("no answer")
		l.unrenewed.Store(&failed)
		if l.silent() == nil {
			t.Error("no keepalive is answered, and contact is not lost")
		}
		renewals <- renewal{renewed, time.Now()}
		if err := l.silent(); err != nil {
			t.Error("contact is lost though a keepalive was answered:", err)
		}
	})
}

// TestReturnOfManyIsSpread has two hundred processes lose the same etcd. What
// they ask of it when it is back, in any tenth of a second, is bounded: in step
// they would ask all of it, half a dozen requests each, in the first. And those
// that have to write again take all of the spread for it: without that, they
// would be through once each has noticed that etcd is back, so that etcd's return
// alone set their pace.
func TestReturnOfManyIsSpread(t *testing.T) {
	t.Parallel()
	const (
		sessions = 200
		slice    = 100 * time.Millisecond
	)
	for name, tt := range map[string]struct {
		state  faulty.State
		outage time.Duration
		wiped  bool
		limit  int // of requests in a slice
		early  int // of instances that are there after half of the spread
	}{
		// Nothing is lost, and nothing to be written, so that no spread is wanted:
		// keepalives were at different times before, and stay so. Each looks at the
		// keys of its lease besides, within two seconds.
		"shorter than the lease":        {faulty.Down, ttl / 2, false, 2 * sessions / 5, sessions},         // seen: 54 at most
		"longer than the lease":         {faulty.Down, 4 * ttl, false, 3 * sessions / 4, 7 * sessions / 8}, // seen: 105 at most
		"an etcd that comes back empty": {faulty.Down, ttl / 5, true, sessions, 7 * sessions / 8},          // seen: 163 at most
		// A stopped etcd still has what it was asked, and answers all of it at once:
		// of each session up to a request and a keepalive, which nothing can
		// spread; it is what follows that is: written at once, it would make more
		// than three for each.
		"mute": {faulty.Hung, 4 * ttl, false, 2 * sessions, 7 * sessions / 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				clients := make([]*client, sessions)
				for i := range clients {
					clients[i] = w.another(t)
					if err := clients[i].Register(t.Context(), orders(fmt.Sprintf("i%d", i))); err != nil {
						t.Fatal(err)
					}
				}
				start := time.Now()
				var load []int
				steady := w.loads(&load, start)
				time.Sleep(10 * ttl)
				idle := slices.Max(steady())

				w.SetState(tt.state)
				time.Sleep(tt.outage)
				start, load = time.Now(), nil
				back := w.loads(&load, start)
				if tt.wiped {
					w.restart(nil, 1)
				}
				w.SetState(faulty.Up)
				time.Sleep(spread(ttl) / 2)
				early := w.Len()
				time.Sleep(ttl - spread(ttl)/2)
				if w.Len() != sessions {
					t.Errorf("%d instances are back within a TTL, want %d", w.Len(), sessions)
				}
				counts := back()
				total, peak := 0, slices.Max(counts)
				for _, n := range counts {
					total += n
				}
				t.Logf("%d sessions: %d requests in the first TTL, at most %d in %v (idle: %d); %d are there after half of the spread", sessions, total, peak, slice, idle, early)
				if early > tt.early {
					t.Errorf("%d of %d instances are there after half of the spread, want at most %d", early, sessions, tt.early)
				}
				if peak > tt.limit {
					t.Errorf("%d requests in %v, want at most %d", peak, slice, tt.limit)
				}
			})
		})
	}
}

// loads counts the requests of writers in each tenth of a second from now on. The function
// that it returns stops that and returns the counts.
func (w *world) loads(load *[]int, start time.Time) (stop func() []int) {
	var mu sync.Mutex
	w.OnRequest(func(kind string) {
		if slices.Contains([]string{"List", "Stream", "Probe", "CountSince"}, kind) {
			return // the mirror's
		}
		mu.Lock()
		defer mu.Unlock()
		i := int(time.Since(start) / (100 * time.Millisecond))
		for len(*load) <= i {
			*load = append(*load, 0)
		}
		(*load)[i]++
	})
	return func() []int {
		w.OnRequest(nil)
		mu.Lock()
		defer mu.Unlock()
		return *load
	}
}
