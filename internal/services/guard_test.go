package services

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
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
		g.keep = 20 * time.Second
		g.vanish(0, 60)
		g.passed(20*time.Second + guardTick)
		g.want(40, 0)
		g.vanish(60, 61) // within the same minute: protected for a time of its own
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
	g.Guard = NewGuard(s, percent, 10*time.Minute, slog.New(slog.NewTextHandler(g.sk, nil)), func() { g.trips++ })
	ctx, cancel := context.WithCancel(g.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx) }()
	g.stop = func() { cancel(); <-done }
}

func key(i int) string { return fmt.Sprintf("n/s%d/i%02d", i%10, i) }

func (g *guarded) put(i int, more string) {
	g.revision++
	g.Apply(batch(put(g.revision, key(i), value(1, more))))
}

// vanish deletes instances at one revision each, in one batch.
func (g *guarded) vanish(from, to int) {
	b := mirror.Batch{}
	for i := from; i < to; i++ {
		g.revision++
		b.Events = append(b.Events, del(g.revision, key(i)))
	}
	b.Revision = g.revision
	g.Apply(b)
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

// TestGuardKeepsAMass: what vanishes together is served for the time, then gone.
func TestGuardKeepsAMass(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		serial := g.store.Load().Serial()
		g.vanish(0, 60)
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
		if lines := strings.Join(g.sk.lines(), ""); strings.Count(lines, "vanish in a mass") != 1 || strings.Count(lines, "removed=60") != 1 {
			t.Errorf("logged:\n%s", lines)
		}
		g.passed(time.Hour)
		if len(g.missing) != 0 || len(g.recent) > 60 || g.lost != 0 || g.counted != 0 {
			t.Errorf("kept in mind: %d missing, lost %d, counted %d", len(g.missing), g.lost, g.counted)
		}
	})
}

// TestGuardPutsBack has a mass vanish one after the other, as leases expire: the
// first ones are gone when it is noticed, and come back.
func TestGuardPutsBack(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		for i := range 9 { // too few for an alarm
			g.vanish(i, i+1)
		}
		g.passed(guardHold + guardTick)
		g.want(91, 0)
		for i := 9; i < 31; i++ {
			g.vanish(i, i+1)
			g.passed(2 * time.Second)
		}
		g.want(100, 31)
		g.passed(10*time.Minute + guardTick)
		g.want(69, 0)
	})
}

// TestGuardLetsFewGo: crashes of a few cost guardHold, and what raises the alarm
// stays for guardWindow at most.
func TestGuardLetsFewGo(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.vanish(0, 5)
		g.want(100, 0)
		g.passed(guardHold + guardTick)
		g.want(95, 0)
		g.passed(guardWindow)

		g.vanish(5, 20) // more than a tenth of the mass, less than all of it
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
		g.vanish(0, 9)
		g.passed(guardHold + guardTick)
		g.want(91, 0)
		g.vanish(9, 10) // the tenth within a minute
		g.want(100, 10)
	})
}

// TestGuardWindow: what vanishes over more than a minute is no mass.
func TestGuardWindow(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		for i := range 40 {
			g.vanish(i, i+1)
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
		var b mirror.Batch
		for i := range 90 {
			g.revision++
			b.Events = append(b.Events, put(g.revision, key(i), value(1, `"status":"down"`)))
			if i%2 == 0 { // in one batch with the deletion, and apart from it
				g.revision++
				b.Events = append(b.Events, del(g.revision, key(i)))
			}
		}
		b.Revision = g.revision
		g.Apply(b)
		g.want(55, 0)
		for i := 1; i < 90; i += 2 {
			g.vanish(i, i+1)
		}
		g.want(10, 0)
		if g.trips != 0 {
			t.Error("tripped")
		}
	})
}

// TestGuardOverridden: who the operator has taken out of service is no part of a
// mass, whether the word comes with the deletion, with the instance, or before.
func TestGuardOverridden(t *testing.T) {
	t.Parallel()
	word := func(i int) string { return fmt.Sprintf("n/s%d/_status/i%02d", i%10, i) }
	for name, tt := range map[string]struct {
		before, events func(g *guarded, i int) []mirror.Event
		held           bool
	}{
		"before": {
			before: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(word(i), `{"status":"down"}`)} },
		},
		"with the deletion": {
			events: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(word(i), `{"status":"down"}`)} },
		},
		"put again": {
			before: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(word(i), `{"status":"down"}`)} },
			events: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(key(i), value(2, ""))} },
		},
		"came and went": { // the service is vacant
			before: func(g *guarded, i int) []mirror.Event {
				return []mirror.Event{g.event(word(i), `{"status":"down"}`), del(g.revision, key(i))}
			},
			events: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(key(i), value(2, ""))} },
		},
		"without a lease": {
			events: func(g *guarded, i int) []mirror.Event {
				ev := g.event(key(i), value(2, ""))
				ev.Lease = 0
				return []mirror.Event{ev}
			},
		},
		"taken back": {
			before: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(word(i), `{"status":"down"}`)} },
			events: func(g *guarded, i int) []mirror.Event { g.revision++; return []mirror.Event{del(g.revision, word(i))} },
			held:   true,
		},
		"a word that can't be read": {
			events: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(word(i), `{`)} },
			held:   true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runGuarded(t, 30, func(g *guarded) {
				var before, b mirror.Batch
				for i := range guardedInstances {
					if tt.before != nil {
						before.Events = append(before.Events, tt.before(g, i)...)
					}
				}
				before.Revision = g.revision
				g.Apply(before)
				for i := range guardedInstances {
					if tt.events != nil {
						b.Events = append(b.Events, tt.events(g, i)...)
					}
					b.Events = append(b.Events, del(g.revision, key(i)))
				}
				b.Revision = g.revision
				g.Apply(b)
				if tt.held {
					g.want(100, 100)
				} else {
					g.want(0, 0)
				}
			})
		})
	}
}

// event is a put at the next revision.
func (g *guarded) event(key, value string) mirror.Event {
	g.revision++
	return put(g.revision, key, value)
}

// TestGuardWhileProtecting: the living go on as always, and who is back is
// protected no more.
func TestGuardWhileProtecting(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.vanish(0, 60)
		g.want(100, 60)
		g.put(99, `"status":"down"`) // Unregister
		g.vanish(99, 100)
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
		g.vanish(0, 3)
		g.passed(guardHold + guardTick)
		g.want(56, 0)
	})
}

// TestGuardKeepsMore: what vanishes while the guard is up is protected too, each
// for its time.
func TestGuardKeepsMore(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.vanish(0, 40)
		g.passed(30 * time.Second)
		g.vanish(40, 60)
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

// TestGuardOfAList is an etcd that comes back empty.
func TestGuardOfAList(t *testing.T) {
	t.Parallel()
	runGuarded(t, 50, func(g *guarded) {
		b := mirror.Batch{Revision: 1, Regressed: true}
		for i := range guardedInstances {
			b.Events = append(b.Events, del(1, key(i)))
		}
		g.revision = 1
		g.Apply(b)
		g.want(100, 100)
		g.put(0, "")
		g.want(100, 99)
	})
}

// TestGuardOfALargeMass: what a mass costs is in proportion to it, whether a list
// shows it at once or a watch one by one.
func TestGuardOfALargeMass(t *testing.T) {
	for name, perBatch := range map[string]int{"list": 1 << 20, "watch": 1} {
		t.Run(name, func(t *testing.T) {
			took := func(n int) time.Duration {
				least := time.Duration(math.MaxInt64)
				for range 3 { // the others may be slow for what else the machine does
					least = min(least, massTime(t, n, perBatch))
				}
				return least
			}
			// Half of what it would be if it were the square.
			if small, large := took(2_000), took(16_000); large > 8*8/2*small {
				t.Errorf("2,000 took %v, 16,000 took %v", small, large)
			}
		})
	}
}

// massTime returns how long a guard takes to hold n instances that vanish.
func massTime(t *testing.T, n, perBatch int) time.Duration {
	t.Helper()
	s, sk := newStore(t)
	g := NewGuard(s, 1, 10*time.Minute, slog.New(slog.NewTextHandler(sk, nil)), nil)
	all := mirror.Batch{Revision: 1}
	var gone []mirror.Event
	for i := range n {
		k := fmt.Sprintf("n/s%05d/i%06d", i/10, i)
		all.Events = append(all.Events, put(1, k, value(1, "")))
		gone = append(gone, del(2, k))
	}
	g.Apply(all)
	start := time.Now()
	for events := range slices.Chunk(gone, perBatch) {
		g.Apply(mirror.Batch{Events: events, Revision: 2})
	}
	took := time.Since(start)
	if got := g.Protected(); got != n {
		t.Errorf("%d of %d are protected", got, n)
	}
	return took
}
