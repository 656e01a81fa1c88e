package services

import (
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// draft is the next version of a service while edits are applied to it. It is
// owned by a commit.
type draft struct {
	old       *Service // nil if there is none
	path      string   // "namespace/service"
	name      *catalog.ServiceName
	instances instanceEdits
	up        int // of instances, those that are up
	policy    *catalog.Policy
	revision  int64
	edits     int // that changed something
	// index is what the commit does to the indexes.
	index *indexEdits
	// replacements are those of instances, in order, if recorded says so: for filters.
	replacements []replacement
	recorded     bool
}

// replacement is an instance that is replaced by another with the same ID; one of them
// can be nil.
type replacement struct{ old, next *entry }

// id returns the ID of the instance.
func (r *replacement) id() string {
	if r.next != nil {
		return r.next.id()
	}
	return r.old.id()
}

// newDraft returns the draft of a service that exists, or of one that doesn't,
// which has the policy that is remembered for it.
func newDraft(path string, old *Service, policy policy, index *indexEdits) *draft {
	d := &draft{old: old, path: path, index: index}
	if old != nil {
		d.name, d.instances.instances, d.up, d.policy, d.revision = old.name, old.instances, old.up, old.policy, old.Revision
		return d
	}
	namespace, name, _ := strings.Cut(path, "/")
	d.name = &catalog.ServiceName{Namespace: namespace, Name: name}
	d.policy, d.revision = policy.Policy, policy.revision
	return d
}

// get returns the entry of an instance as it is at this point, or nil.
func (d *draft) get(id string) *entry { return d.instances.get(id) }

// changed notes a change at a revision.
func (d *draft) changed(revision int64) {
	d.edits++
	d.revision = max(d.revision, revision)
}

// set puts in an instance. One that is put again as it was stays the same entry.
func (d *draft) set(e *entry, revision int64) {
	d.changed(revision)
	id := e.id()
	old := d.instances.get(id)
	if old != nil && old.record == e.record {
		e = old
	}
	d.instances.set(id, e)
	d.replaced(old, e)
}

func (d *draft) remove(id string, revision int64) {
	d.changed(revision)
	d.replaced(d.instances.remove(id), nil)
}

// replaced notes that an instance is replaced by another; one of them can be nil.
func (d *draft) replaced(old, next *entry) {
	if old != nil && old.up() {
		d.up--
	}
	if next != nil && next.up() {
		d.up++
	}
	d.index.instance(d.name, old, next)
	if d.recorded {
		d.replacements = append(d.replacements, replacement{old, next})
	}
}

func (d *draft) setPolicy(p *catalog.Policy, revision int64) {
	d.changed(revision)
	d.index.policy(*d.name, d.policy, p)
	d.policy = p
}

// exists reports whether there is the service: it has an instance, or its policy
// leads to one.
func (d *draft) exists() bool { return d.instances.count > 0 || d.policy.Redirects() }

// change returns what became of the service. It reports false if nothing did.
func (d *draft) change() (Change, bool) {
	if d.edits == 0 {
		return Change{}, false
	}
	c := Change{Old: d.old}
	if d.exists() {
		c.New = &Service{
			Namespace: d.name.Namespace, Name: d.name.Name, Revision: d.revision,
			instances: d.instances.done(), up: d.up, policy: d.policy, name: d.name,
		}
		c.New.inherit(d.old)
	}
	return c, c.Old != nil || c.New != nil
}
