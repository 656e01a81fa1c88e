package writer

import (
	"errors"
	"log/slog"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// task is an operation on its way to etcd.
type task struct {
	entry *entry
	op    operation
	known int64 // the revision of etcd that the entry was known as of
	// refused says that etcd has refused the operation before this one.
	refused bool
}

// outcome is what has become of an operation: it was carried out, or its fence
// did not hold.
type outcome struct {
	done     bool
	observed observed // what was read, and what is there where it was not carried out
}

// take returns the next operations, at most so many, and whether some wait for a
// lease.
func (t *table) take(limit int) (tasks []task, lease bool) {
	for len(tasks) < limit {
		e := t.queue.next()
		if e == nil {
			break
		}
		switch op, _ := plan(e.situation(t.leases.current, t.leaving)); op.action {
		case actLease:
			lease = true
			t.queue.push(e, true)
		case actNone:
			t.touch(e, false)
		default:
			e.place = underWay
			if op.writes() {
				e.history.sending(op.value, op.lease, time.Now())
			}
			tasks = append(tasks, task{e, op, e.asOf, e.refused != nil})
		}
	}
	return tasks, lease
}

// writes reports whether the operation puts a value.
func (op *operation) writes() bool { return op.action == actPut || op.action == actMarkDown }

// answered takes the outcome of an operation, in a transaction after which etcd
// was at the revision.
func (t *table) answered(k task, o outcome, revision int64) {
	e := k.entry
	if k.op.writes() {
		e.history.resolve(k.op.value, k.op.lease)
	}
	e.place, e.refused = atRest, nil
	if revision < k.known {
		e.asOf, t.audit = 0, true // etcd's history has gone back
	}
	switch {
	case o.done && k.op.writes():
		if e.history.revision = revision; k.op.action == actPut {
			e.history.acked, e.acked = true, true
		}
		o.observed = observed{presence: present, value: k.op.value, lease: k.op.lease, revision: revision}
	case o.done && k.op.action == actDelete:
		o.observed = observed{presence: absent}
	}
	if !t.observe(e, o.observed, revision) {
		t.touch(e, false)
	}
	if e.sub != nil {
		e.sub.confirm(e)
	}
	if !o.done && k.op.action != actRead && e.place == ready {
		t.touch(e, true) // its fence did not hold: somebody else is at the key
	}
}

// lost takes back those operations that etcd has not answered: it can have carried
// them out, or do so later.
func (t *table) lost(tasks []task) {
	for _, k := range tasks {
		if k.entry.place != underWay {
			continue
		}
		k.entry.place = atRest
		if k.op.action != actRead {
			k.entry.observed.presence = unknown
		}
		t.touch(k.entry, true)
	}
}

// refused takes back operations that etcd has refused, so that it has carried out
// none. They are tried again later, but for those where the reason shows what to
// do at once.
func (t *table) refused(tasks []task, err error) {
	for _, k := range tasks {
		e := k.entry
		e.place = atRest
		if k.op.writes() {
			e.history.resolve(k.op.value, k.op.lease)
		}
		switch {
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			t.audit = true // which finds out what has become of it
			t.touch(e, true)
		case errors.Is(err, rpctypes.ErrNoSpace) && k.op.action == actMarkDown:
			e.noSpace = true
			t.touch(e, false)
		default:
			t.blame(e, err)
		}
	}
}

// blame notes that etcd refuses what is desired of an entry.
func (t *table) blame(e *entry, err error) {
	if e.refused == nil {
		t.note(func(log *slog.Logger) {
			log.Warn("registrar: etcd rejected a request, retrying", "instance", e.name.String(), "error", err)
		})
	}
	e.refused = etcderror.Classify(err)
	t.touch(e, true)
}
