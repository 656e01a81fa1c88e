package services

import (
	"strings"

	"github.com/tidwall/btree"

	"github.com/rosterdns/roster/catalog"
)

// draft is the next version of a service while edits are applied to it. It is
// owned by a commit.
type draft struct {
	old       *Service // nil if there is none
	path      string   // "namespace/service"
	name      *catalog.ServiceName
	instances *btree.Map[string, *entry]
	up        int // of instances, those that are up
	policy    *catalog.Policy
	revision  int64
	// edits counts those that changed something. Before the first, instances is
	// that of the old version, which must not be changed.
	edits int
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
		return r.next.ID
	}
	return r.old.ID
}

// newDraft returns the draft of a service that exists, or of one that doesn't,
// which has the policy that is remembered for it.
func newDraft(path string, old *Service, policy policy, index *indexEdits) *draft {
	d := &draft{old: old, path: path, index: index}
	if old != nil {
		d.name, d.instances, d.up, d.policy, d.revision = old.name, &old.instances, old.up, old.policy, old.Revision
		return d
	}
	namespace, name, _ := strings.Cut(path, "/")
	d.name = &catalog.ServiceName{Namespace: namespace, Name: name}
	d.instances = &btree.Map[string, *entry]{}
	d.policy, d.revision = policy.Policy, policy.revision
	return d
}

// get returns the entry of an instance as it is at this point, or nil.
func (d *draft) get(id string) *entry {
	e, _ := d.instances.Get(id)
	return e
}

// changed notes a change at a revision, after which instances can be changed.
func (d *draft) changed(revision int64) {
	if d.edits == 0 {
		d.instances = d.instances.Copy()
	}
	d.edits++
	d.revision = max(d.revision, revision)
}

func (d *draft) set(e *entry, revision int64) {
	d.changed(revision)
	old, _ := d.instances.Set(e.ID, e)
	d.replaced(old, e)
}

func (d *draft) remove(id string, revision int64) {
	d.changed(revision)
	old, _ := d.instances.Delete(id)
	d.replaced(old, nil)
}

// replaced notes that an instance is replaced by another; one of them can be nil.
func (d *draft) replaced(old, next *entry) {
	if old != nil && old.Up() {
		d.up--
	}
	if next != nil && next.Up() {
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
func (d *draft) exists() bool { return d.instances.Len() > 0 || d.policy.Redirects() }

// change returns what became of the service. It reports false if nothing did.
func (d *draft) change() (Change, bool) {
	if d.edits == 0 {
		return Change{}, false
	}
	c := Change{Old: d.old}
	if d.exists() {
		c.New = &Service{
			Namespace: d.name.Namespace, Name: d.name.Name, Revision: d.revision,
			instances: *d.instances, up: d.up, policy: d.policy, name: d.name,
		}
	}
	return c, c.Old != nil || c.New != nil
}
