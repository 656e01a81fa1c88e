package services

import (
	"fmt"
	"testing"

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
