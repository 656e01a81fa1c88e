package writer

import (
	"log/slog"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// table has all keys that a client has to do with, and what is known of etcd. Who
// uses it holds its mutex.
type table struct {
	monitor

	ttl       time.Duration
	index     index
	queue     queue
	open      map[*entry]bool // that have not converged
	following map[*entry]bool // whose keys are to be followed now, or no more
	callers   callers
	archive   archive
	contact   contact
	reports   reports
	leases    leases
	audit     bool // the keys of the lease are to be looked at
	leaving   bool // Close has begun: what is under the lease goes with it
	closed    bool
}

func newTable(log *slog.Logger, ttl time.Duration, told *Reports) *table {
	t := &table{
		monitor: newMonitor(log), ttl: ttl, index: newIndex(), leases: newLeases(),
		open: map[*entry]bool{}, following: map[*entry]bool{}, callers: callers{},
	}
	if told != nil {
		t.reports = reports{Reports: told, changed: map[*entry]struct{}{}}
		t.before, t.after = t.report, told.Tell
	}
	return t
}

// touch plans anew for an entry of which something has changed. What is to be
// done waits for its turn, or for the next try.
func (t *table) touch(e *entry, later bool) {
	op, state := plan(e.situation(t.leases.current, t.leaving))
	if state == "" {
		e.desired = desired{}
	}
	t.enter(e, state)
	t.callers.attempted(e)
	switch {
	case e.place == underWay: // its answer comes first
	case op.action == actNone:
		e.place = atRest // wherever it is queued
		if state == "" {
			t.retire(e)
		}
	default:
		t.queue.push(e, later)
	}
	t.look(e)
}

// enter puts an entry into a state.
func (t *table) enter(e *entry, state registrar.State) {
	t.stirred = true
	t.reports.note(e)
	if state == registrar.StateRegistered {
		e.refused = nil // of a try that is not needed any more
	}
	if e.state == state {
		return
	}
	if state == registrar.StateSuperseded {
		t.note(func(log *slog.Logger) {
			log.Warn("registrar: instance superseded by another client, registering it again once its key is gone", "instance", e.name.String())
		})
	}
	e.state, e.since = state, time.Now()
	if e.converged() {
		delete(t.open, e)
	} else {
		t.open[e] = true
	}
}
