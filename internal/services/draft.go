package services

import (
	"strings"

	"github.com/tidwall/btree"
)

// draft is the next version of a service while edits are applied to it. It is
// owned by a commit.
type draft struct {
	old       *Service // nil if there is none
	path      string   // "namespace/service"
	instances *btree.Map[string, *entry]
	revision  int64
	// edits counts those that changed something. Before the first, instances is
	// that of the old version, which must not be changed.
	edits int
}

func newDraft(path string, old *Service) *draft {
	d := &draft{old: old, path: path}
	if old != nil {
		d.instances, d.revision = &old.instances, old.Revision
	} else {
		d.instances = &btree.Map[string, *entry]{}
	}
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
	d.instances.Set(e.ID, e)
}

func (d *draft) remove(id string, revision int64) {
	d.changed(revision)
	d.instances.Delete(id)
}

// change returns what became of the service. It reports false if nothing did.
func (d *draft) change() (Change, bool) {
	if d.edits == 0 {
		return Change{}, false
	}
	c := Change{Old: d.old}
	if d.instances.Len() > 0 {
		namespace, name, _ := strings.Cut(d.path, "/")
		c.New = &Service{Namespace: namespace, Name: name, Revision: d.revision, instances: *d.instances}
	}
	return c, c.Old != nil || c.New != nil
}
