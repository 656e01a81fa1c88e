package services

import (
	"iter"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// gate decides during a commit which deletions take place. A Guard's inspection
// implements it.
type gate interface {
	// returned is told of an instance that is put.
	returned(e *edit)
	// holds reports whether an instance that is about to be deleted stays; have is
	// nil if it isn't there.
	holds(e *edit, have *entry) bool
	// withdraws reports whether an instance that an override is about to take out
	// of service goes, since it isn't in etcd any more.
	withdraws(e *edit) bool
	// conclude is called after all edits, with the services that they touched, and
	// returns more of them.
	conclude(touched []*draft) []edit
}

// gates are asked one after the other: each about what those before leave.
type gates []gate

func (gs gates) returned(e *edit) {
	for _, g := range gs {
		g.returned(e)
	}
}

func (gs gates) holds(e *edit, have *entry) bool {
	return slices.ContainsFunc(gs, func(g gate) bool { return g.holds(e, have) })
}

func (gs gates) withdraws(e *edit) bool {
	return slices.ContainsFunc(gs, func(g gate) bool { return g.withdraws(e) })
}

// transaction applies edits to the services of a generation, which it leaves as
// they are.
type transaction struct {
	old      *Generation
	orphans  *orphans[override]
	policies *orphans[policy]
	gates    gates

	drafts map[string]*draft // by "namespace/service"
	order  []*draft          // in order of the first edit
	index  indexEdits
	skips  []skip
}

// find returns the draft of a service, or nil if it has not been touched. Lists come
// service by service, so that most often it is the last one.
func (t *transaction) find(path string) *draft {
	if n := len(t.order); n > 0 && t.order[n-1].path == path {
		return t.order[n-1]
	}
	return t.drafts[path]
}

// replaced returns which instances of a service that changes are replaced.
func (t *transaction) replaced(c *Change) []replacement {
	if d := t.find(c.service().name.String()); d != nil {
		return d.replacements
	}
	return nil
}

// draft returns the draft of a service.
func (t *transaction) draft(path string) *draft {
	if d := t.find(path); d != nil {
		return d
	}
	namespace, name, _ := strings.Cut(path, "/")
	old := t.old.Service(namespace, name)
	var remembered policy
	if old == nil {
		remembered, _ = t.policies.take(path)
	}
	d := newDraft(path, old, remembered, &t.index)
	d.recorded = len(t.old.filtered) > 0
	if len(t.order) == 1 { // most commits are of one service, and need no map
		t.drafts = map[string]*draft{t.order[0].path: t.order[0]}
	}
	if t.order = append(t.order, d); len(t.order) > 1 {
		t.drafts[path] = d
	}
	return d
}

// run applies edits, and what the gates have to be done in addition.
func (t *transaction) run(edits iter.Seq[*edit]) {
	for e := range edits {
		t.apply(e)
	}
	if len(t.gates) > 0 {
		first := t.gates[0]
		t.gates = t.gates[1:]
		t.run(eachEdit(first.conclude(t.order)))
	}
}

// eachEdit yields the edits of a list.
func eachEdit(list []edit) iter.Seq[*edit] {
	return func(yield func(*edit) bool) {
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}
}

func (t *transaction) apply(e *edit) {
	path, id := e.split()
	d := t.draft(path)
	if e.kind == putPolicy || e.kind == deletePolicy {
		t.setPolicy(d, e)
		return
	}
	have := d.get(id)
	switch e.kind {
	case putInstance:
		t.putInstance(d, have, e)
	case deleteInstance, rejectInstance:
		t.removeInstance(d, have, e)
	case putOverride:
		t.putOverride(d, have, e)
	case deleteOverride:
		if have == nil {
			t.orphans.take(e.key)
		} else if _, overridden := have.override(); overridden {
			d.set(newEntry(have.own()), e.revision)
		}
	case putPolicy, deletePolicy: // above
	}
}

// setPolicy makes the policy of an edit that of a service; nil deletes it.
func (t *transaction) setPolicy(d *draft, e *edit) {
	same := d.policy == nil && e.policy == nil || d.policy != nil && e.policy != nil && d.policy.Equal(e.policy)
	// What a list repeats is no change, and neither is the end of what wasn't there.
	if same && (e.policy == nil || d.revision >= e.revision) {
		return
	}
	d.setPolicy(e.policy, e.revision)
}

func (t *transaction) putInstance(d *draft, have *entry, e *edit) {
	t.gates.returned(e)
	next, revision := e.instance, e.revision
	if have == nil {
		if ov, ok := t.orphans.take(e.key); ok {
			next, revision = newEntry(next.under(ov)), max(revision, ov.revision)
		}
		d.set(next, revision)
		return
	}
	// A list repeats what is known, which must not give the service a new version.
	if d.revision >= revision && have.own() == next.record {
		return
	}
	if ov, overridden := have.override(); overridden {
		next = newEntry(next.under(ov))
	}
	d.set(next, revision)
}

func (t *transaction) removeInstance(d *draft, have *entry, e *edit) {
	if e.kind == rejectInstance {
		t.gates.returned(e)
	} else if t.gates.holds(e, have) {
		return
	}
	if have == nil {
		return
	}
	if ov, overridden := have.override(); overridden {
		t.orphan(e, ov)
	}
	d.remove(have.id(), e.revision)
}

func (t *transaction) putOverride(d *draft, have *entry, e *edit) {
	ov := override{status: e.status, revision: e.revision}
	if have == nil {
		t.orphan(e, ov)
		return
	}
	next := newEntry(have.under(ov))
	before, overridden := have.override()
	switch {
	case len(t.gates) > 0 && !next.up() && t.gates.withdraws(e):
		t.orphan(e, ov)
		d.remove(have.id(), e.revision)
	case !overridden || before.status != ov.status || d.revision < ov.revision:
		d.set(next, e.revision)
	}
}

// orphan remembers an override until there is an instance.
func (t *transaction) orphan(e *edit, ov override) {
	if !t.orphans.put(e.key, ov) {
		path, id := e.split()
		namespace, name, _ := strings.Cut(path, "/")
		key := catalog.StatusKey("", namespace, name, id)[1:]
		t.skips = append(t.skips, skip{key: key, revision: e.revision, reason: SkipOverride, err: errOrphans})
	}
}

// changes returns what became of the services, in the order of their first
// edit, and how many edits that took. Policies of services that don't exist are
// remembered until they do.
func (t *transaction) changes() (changes []Change, edits int) {
	for _, d := range t.order {
		if c, ok := d.change(); ok {
			changes = append(changes, c)
			edits += d.edits
		}
		if d.policy != nil && !d.exists() && !t.policies.put(d.path, policy{d.policy, d.revision}) {
			key := catalog.PolicyKey("", d.name.Namespace, d.name.Name)[1:]
			t.skips = append(t.skips, skip{key: key, revision: d.revision, reason: SkipPolicy, err: errOrphanPolicies})
		}
	}
	return changes, edits
}

// clampRevisions has no service keep a revision that etcd, which moved backward,
// has not reached yet: else its next change would pass for an old one. That
// touches every service, which a restore from a backup is worth. It returns the
// changes that there are in all.
func clampRevisions(old *Generation, changes []Change, revision int64) []Change {
	changed := make(map[*Service]struct{}, len(changes))
	for _, c := range changes {
		changed[c.Old] = struct{}{}
		if c.New != nil {
			c.New.Revision = min(c.New.Revision, revision)
		}
	}
	for s := range old.All() {
		if _, ok := changed[s]; !ok && s.Revision > revision {
			next := s.at(revision)
			next.inherit(s)
			changes = append(changes, Change{Old: s, New: next})
		}
	}
	return changes
}
