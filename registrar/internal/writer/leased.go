package writer

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// granted notes a new lease, under which all is written from now on.
func (t *table) granted(id int64) {
	t.leases.grant(id)
	t.queue.tryAgain()
}

// ungranted notes that etcd refuses a lease to write under.
func (t *table) ungranted(err error) {
	var waiting []*entry
	for e := range t.open {
		if op, _ := plan(e.situation(0, t.leaving)); op.action == actLease {
			waiting = append(waiting, e)
		}
	}
	if !slices.ContainsFunc(waiting, func(e *entry) bool { return e.refused != nil }) {
		t.note(func(log *slog.Logger) {
			log.Warn("registrar: etcd did not grant a lease, retrying", "instances", len(waiting), "error", err)
		})
	}
	for _, e := range waiting {
		e.refused = etcderror.Classify(err)
		t.touch(e, true)
	}
}

// leaseLost gives the lease up, which can live on unless it has expired, and
// returns how many instances are to be written again for it.
func (t *table) leaseLost(expired bool) (instances int) {
	t.leases.lose(expired)
	for _, e := range t.index.entries {
		if e.desired.intent != intentRegister || e.desired.static || e.state == registrar.StateSuperseded {
			continue
		}
		instances++
		if e.state == registrar.StateRegistered {
			t.touch(e, false)
		}
	}
	t.queue.tryAgain()
	return instances
}

// audited takes the keys that hang on a lease of this client's. What is not
// desired under it is removed.
func (t *table) audited(root string, keys []string) {
	for _, full := range keys {
		key, below := strings.CutPrefix(full, root)
		if !below {
			continue
		}
		e := t.index.entries[key]
		if e == nil {
			e = t.ghost(key)
		}
		if e != nil && e.desired.intent == intentNone && e.place == atRest {
			e.remove(intentRemove)
			t.touch(e, false)
		}
	}
}
