package services

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestGuardOverridden: who the operator has taken out of service is no part of a
// mass, whether the override comes with the deletion, with the instance, or before.
func TestGuardOverridden(t *testing.T) {
	t.Parallel()
	override := func(i int) string { return fmt.Sprintf("n/s%d/_status/i%02d", i%10, i) }
	for name, tt := range map[string]struct {
		before, events func(g *guarded, i int) []mirror.Event
		held           bool
	}{
		"before": {
			before: func(g *guarded, i int) []mirror.Event {
				return []mirror.Event{g.event(override(i), `{"status":"down"}`)}
			},
		},
		"with the deletion": {
			events: func(g *guarded, i int) []mirror.Event {
				return []mirror.Event{g.event(override(i), `{"status":"down"}`)}
			},
		},
		"put again": {
			before: func(g *guarded, i int) []mirror.Event {
				return []mirror.Event{g.event(override(i), `{"status":"down"}`)}
			},
			events: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(key(i), value(2, ""))} },
		},
		"came and went": { // the override is there without an instance
			before: func(g *guarded, i int) []mirror.Event {
				return []mirror.Event{g.event(override(i), `{"status":"down"}`), del(g.revision, key(i))}
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
			before: func(g *guarded, i int) []mirror.Event {
				return []mirror.Event{g.event(override(i), `{"status":"down"}`)}
			},
			events: func(g *guarded, i int) []mirror.Event {
				g.revision++
				return []mirror.Event{del(g.revision, override(i))}
			},
			held: true,
		},
		"an override that can't be read": {
			events: func(g *guarded, i int) []mirror.Event { return []mirror.Event{g.event(override(i), `{`)} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runGuarded(t, 30, func(g *guarded) {
				var before, b commit
				for i := range guardedInstances {
					if tt.before != nil {
						before.Events = append(before.Events, tt.before(g, i)...)
					}
				}
				before.Revision = g.revision
				apply(g, before)
				for i := range guardedInstances {
					if tt.events != nil {
						b.Events = append(b.Events, tt.events(g, i)...)
					}
					b.Events = append(b.Events, del(g.revision, key(i)))
				}
				b.Revision = g.revision
				apply(g, b)
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
	all := commit{Revision: 1}
	var gone []mirror.Event
	for i := range n {
		k := fmt.Sprintf("n/s%05d/i%06d", i/10, i)
		all.Events = append(all.Events, put(1, k, value(1, "")))
		gone = append(gone, del(2, k))
	}
	apply(g, all)
	start := time.Now()
	for events := range slices.Chunk(gone, perBatch) {
		apply(g, commit{Events: events, Revision: 2})
	}
	took := time.Since(start)
	if got := g.Protected(); got != n {
		t.Errorf("%d of %d are protected", got, n)
	}
	return took
}
