package services

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestGuardOfShortTime protects for less than the window of a mass: who has gone
// counts as protected no more, and isn't put back.
func TestGuardOfShortTime(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.cfg.ProtectFor = 20 * time.Second
		g.expire(0, 60)
		g.passed(20*time.Second + guardTick)
		g.want(40, 0)
		g.expire(60, 61) // within the same minute: protected for a time of its own
		g.want(40, 1)
		g.passed(20*time.Second + guardTick)
		g.want(39, 0)
	})
}

// guarded is a registry of 100 instances behind a guard, inside a bubble.
type guarded struct {
	*Guard
	t        *testing.T
	revision int64
	percent  int
	trips    int
	keepLast time.Duration
	lastSets int // services that began to be served by their last set
	sk       *skips
	stop     func()
}

const guardedInstances = 100

func runGuarded(t *testing.T, percent int, run func(*guarded)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &guarded{t: t}
		g.start(percent)
		defer func() { g.stop() }()
		for i := range guardedInstances {
			g.put(i, "")
		}
		run(g)
	})
}

// start starts an empty registry.
func (g *guarded) start(percent int) {
	var s *Store
	s, g.sk = newStore(g.t)
	g.percent = percent
	g.Guard = NewGuard(s, GuardConfig{
		Protect: percent, ProtectFor: 10 * time.Minute, KeepLast: g.keepLast,
		OnMass: func() { g.trips++ }, OnLastSet: func(services int) { g.lastSets += services }, Log: slog.New(slog.NewTextHandler(g.sk, nil)),
	})
	ctx, cancel := context.WithCancel(g.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx) }()
	g.stop = func() { cancel(); <-done }
}

func key(i int) string { return fmt.Sprintf("n/s%d/i%02d", i%10, i) }

func (g *guarded) put(i int, more string) {
	g.revision++
	apply(g, batch(put(g.revision, key(i), value(1, more))))
}

// expire deletes instances at one revision each, in one batch.
func (g *guarded) expire(from, to int) {
	b := commit{}
	for i := from; i < to; i++ {
		g.revision++
		b.Events = append(b.Events, del(g.revision, key(i)))
	}
	b.Revision = g.revision
	apply(g, b)
}

func (g *guarded) passed(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (g *guarded) want(served, protected int) {
	g.t.Helper()
	gen := g.store.Load()
	if err := check(gen); err != nil {
		g.t.Error(err)
	}
	if gen.Instances() != served || g.Protected() != protected {
		g.t.Errorf("%d served and %d protected, want %d and %d", gen.Instances(), g.Protected(), served, protected)
	}
	if gen.Revision() != g.revision {
		g.t.Errorf("revision %d, want %d: the guard must not hold up what it doesn't keep", gen.Revision(), g.revision)
	}
}

// TestGuardServesAMass: what expires together is served for the time, then gone. Protection
// without an end hid real removals in nacos-sdk-go#695.
func TestGuardServesAMass(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		serial := g.store.Load().Serial()
		g.expire(0, 60)
		g.want(100, 60)
		g.passed(10*time.Minute - time.Second)
		g.want(100, 60)
		if g.trips != 1 {
			t.Errorf("tripped %d times", g.trips)
		}
		before := g.store.Load().Serial()
		g.passed(2 * time.Second)
		g.want(40, 0)
		if after := g.store.Load().Serial(); after <= before || before < serial {
			t.Errorf("serial %d, %d, %d: want it to rise when they go", serial, before, after)
		}
		if lines := strings.Join(g.sk.lines(), ""); strings.Count(lines, "mass expiry detected") != 1 || strings.Count(lines, "expired=60 of=100 percent=30 for=10m0s") != 1 || strings.Count(lines, "removed=60") != 1 {
			t.Errorf("logged:\n%s", lines)
		}
		g.passed(time.Hour)
		if len(g.expired) != 0 || len(g.window.recent) > 60 || g.unserved != 0 || g.window.counted != 0 {
			t.Errorf("remembered: %d expired, unserved %d, counted %d", len(g.expired), g.unserved, g.window.counted)
		}
	})
}

// TestGuardPutsBack has a mass expire one after the other, as leases expire: the
// first ones are gone when it is noticed, and come back.
func TestGuardPutsBack(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		for i := range 9 { // too few for an alarm
			g.expire(i, i+1)
		}
		g.passed(guardHold + guardTick)
		g.want(91, 0)
		for i := 9; i < 31; i++ {
			g.expire(i, i+1)
			g.passed(2 * time.Second)
		}
		g.want(100, 31)
		g.passed(10*time.Minute + guardTick)
		g.want(69, 0)
	})
}

// TestGuardRevisions: a service that the guard changes has a revision that says
// so, also one that is put back whole.
func TestGuardRevisions(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		svc := func() *Service { return g.store.Load().Service("n", "s0") }
		for i := range 9 { // all but one of the service
			g.expire(i*10, i*10+1)
		}
		before := svc().Revision
		g.passed(guardHold + guardTick)
		if s := svc(); s.Len() != 1 || s.Revision <= before || s.Revision != g.revision {
			t.Errorf("%s at revision %d, after %d", showService(s), g.revision, before)
		}
		g.put(90, `"status":"down"`)
		g.expire(90, 91)
		if svc() != nil {
			t.Errorf("%s, want none", showService(svc()))
		}
		for i := 1; i < 23; i++ {
			if i%10 != 0 {
				g.expire(i, i+1)
			}
		}
		g.expire(23, 30)
		if s := svc(); s == nil || s.Len() != 9 || s.Revision != g.revision {
			t.Errorf("put back: %+v at revision %d", s, g.revision)
		}
	})
}

// TestGuardLetsFewGo: crashes of a few cost guardHold, and what raises the alarm
// stays for guardWindow at most.
func TestGuardLetsFewGo(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.expire(0, 5)
		g.want(100, 0)
		g.passed(guardHold + guardTick)
		g.want(95, 0)
		g.passed(guardWindow)

		g.expire(5, 20) // more than a tenth of the mass, less than all of it
		g.passed(guardWindow - time.Second)
		g.want(95, 0)
		g.passed(2 * guardTick)
		g.want(80, 0)
		if g.trips != 0 {
			t.Error("tripped")
		}
	})
}

// TestGuardLeast: fewer than ten are never a mass.
func TestGuardLeast(t *testing.T) {
	t.Parallel()
	runGuarded(t, 1, func(g *guarded) {
		g.expire(0, 9)
		g.passed(guardHold + guardTick)
		g.want(91, 0)
		g.expire(9, 10) // the tenth within a minute
		g.want(100, 10)
	})
}

// TestGuardWindow: what expires over more than a minute is no mass.
func TestGuardWindow(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		for i := range 40 {
			g.expire(i, i+1)
			g.passed(guardWindow / 15)
		}
		g.passed(guardWindow + guardTick)
		g.want(60, 0)
		if g.trips != 0 {
			t.Error("tripped")
		}
	})
}

// TestGuardUnregistered: who says that it goes, goes at once, however many do.
func TestGuardUnregistered(t *testing.T) {
	t.Parallel()
	runGuarded(t, 10, func(g *guarded) {
		var b commit
		for i := range 90 {
			g.revision++
			b.Events = append(b.Events, put(g.revision, key(i), value(1, `"status":"down"`)))
			if i%2 == 0 { // in one batch with the deletion, and apart from it
				g.revision++
				b.Events = append(b.Events, del(g.revision, key(i)))
			}
		}
		b.Revision = g.revision
		apply(g, b)
		g.want(55, 0)
		for i := 1; i < 90; i += 2 {
			g.expire(i, i+1)
		}
		g.want(10, 0)
		if g.trips != 0 {
			t.Error("tripped")
		}
	})
}

// TestGuardWhileProtecting: the living go on as always, and who is back is
// protected no more.
func TestGuardWhileProtecting(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.expire(0, 60)
		g.want(100, 60)
		g.put(99, `"status":"down"`) // Unregister
		g.expire(99, 100)
		g.want(99, 60)
		for i := range 20 {
			g.put(i, `"priority":1`)
		}
		g.want(99, 40)
		if in := g.store.Load().Service("n", "s0").Instance("i00"); in == nil || in.Priority != 1 {
			t.Errorf("what is back is %+v", in)
		}
		g.passed(10*time.Minute + guardTick)
		g.want(59, 0) // 20 that are back, and 60 to 98
		g.expire(0, 3)
		g.passed(guardHold + guardTick)
		g.want(56, 0)
	})
}

// TestGuardServesMore: what expires while the guard is up is protected too, each
// for its time.
func TestGuardServesMore(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.expire(0, 40)
		g.passed(30 * time.Second)
		g.expire(40, 60)
		g.want(100, 60)
		g.passed(10*time.Minute - 30*time.Second + guardTick)
		g.want(60, 20)
		g.passed(30 * time.Second)
		g.want(40, 0)
		if g.trips != 1 {
			t.Errorf("tripped %d times", g.trips)
		}
	})
}

// TestGuardOfARangeThatIsDropped: what is followed no more is no expiry.
func TestGuardOfARangeThatIsDropped(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		st := g.Stage()
		for i := range 60 {
			st.Apply([]mirror.Event{del(g.revision, key(i))})
		}
		st.Commit(mirror.Commit{Cause: mirror.CauseDrop, Revision: g.revision})
		g.want(40, 0)
		if g.trips != 0 || len(g.expired) != 0 {
			t.Errorf("tripped %d times, %d expired", g.trips, len(g.expired))
		}
	})
}

// TestJudge has the bounds of a mass.
func TestJudge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		expired, all, percent int
		want                  class
	}{
		{0, 0, 0, ordinary},
		{9, 9, 0, ordinary},
		{10, 10, 99, mass},
		{10, 10, 100, possibleMass},
		{30, 100, 30, possibleMass},
		{31, 100, 30, mass},
		{10, 300, 30, possibleMass},
		{10, 334, 30, ordinary},
		{9, 100, 1, ordinary},
		{10, 1_000_000, 1, ordinary},
		{1_001, 1_000_000, 1, possibleMass},
	} {
		if got := classify(tt.expired, tt.all, tt.percent); got != tt.want {
			t.Errorf("%d of %d with %d percent: %d, want %d", tt.expired, tt.all, tt.percent, got, tt.want)
		}
	}
}

// TestGuardOfAList is an etcd that comes back empty. It wiped good data in nacos-sdk-go#420.
func TestGuardOfAList(t *testing.T) {
	t.Parallel()
	runGuarded(t, 50, func(g *guarded) {
		b := commit{Revision: 1, Regressed: true}
		for i := range guardedInstances {
			b.Events = append(b.Events, del(1, key(i)))
		}
		g.revision = 1
		apply(g, b)
		g.want(100, 100)
		g.put(0, "")
		g.want(100, 99)
	})
}
