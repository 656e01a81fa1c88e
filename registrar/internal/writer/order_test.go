package writer

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// TestObservationsInAnyOrder: the mirror can show what came after a write before
// that is acknowledged, or what came before it afterwards. What is newer counts.
func TestObservationsInAnyOrder(t *testing.T) {
	t.Parallel()
	const (
		former, current = 6, 7
		before, written = 10, 11
	)
	for name, tt := range map[string]struct {
		seen       observed
		at         int64
		registered bool
	}{
		"a straggler under a former lease, after the write": {observed{presence: present, value: []byte(upValue), lease: former, revision: written + 1}, written + 1, false},
		"a straggler under a former lease, before it":       {observed{presence: present, value: []byte(upValue), lease: former, revision: before}, before, true},
		"another client's value, after it":                  {observed{presence: present, value: []byte(newValue), lease: otherLease, revision: written + 1}, written + 1, false},
		"another client's value, before it":                 {observed{presence: present, value: []byte(newValue), lease: otherLease, revision: before}, before, true},
		"a deletion, after it":                              {observed{presence: absent}, written + 1, false},
		"a deletion, before it":                             {observed{presence: absent}, before, true},
		"the write itself":                                  {observed{presence: present, value: []byte(upValue), lease: current, revision: written}, written, true},
	} {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, shown first: %v", name, first), func(t *testing.T) {
				t.Parallel()
				table := newTable(slog.New(slog.DiscardHandler), ttl, nil)
				table.lock()
				defer table.unlock()
				table.leases.grant(former)
				table.leases.grant(current)
				e := table.index.entry(instance("default", "orders", "a"))
				e.register([]byte(upValue), false)
				table.touch(e, false)
				tasks, _ := table.take(1)
				if first {
					table.observe(e, tt.seen, tt.at)
				}
				table.answered(tasks[0], outcome{done: true}, written)
				if !first {
					table.observe(e, tt.seen, tt.at)
				}
				if got := e.state == registrar.StateRegistered; got != tt.registered {
					t.Errorf("the instance is %q, knowing %+v", e.state, e.observed)
				}
			})
		}
	}
}

// TestOwnValueIsSeenAgain: a write whose answer was lost was seen; what tells it
// from another client's from then on is its revision.
func TestOwnValueIsSeenAgain(t *testing.T) {
	t.Parallel()
	table := newTable(slog.New(slog.DiscardHandler), ttl, nil)
	table.lock()
	defer table.unlock()
	e := table.index.entry(instance("default", "orders", "a"))
	e.register([]byte(upValue), true)
	table.touch(e, false)
	tasks, _ := table.take(1)
	table.lost(tasks)
	e.acked = true
	e.register([]byte(newValue), true)
	for _, at := range []int64{10, 20} {
		table.observe(e, observed{presence: present, value: []byte(upValue), revision: 10}, at)
		if e.state == registrar.StateSuperseded || !e.observed.ours {
			t.Errorf("as of %d the instance is %q, knowing %+v", at, e.state, e.observed)
		}
	}
}
