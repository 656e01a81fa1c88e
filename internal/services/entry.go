package services

import (
	"sync/atomic"
	"weak"

	"github.com/rosterdns/roster/catalog"
)

// entry is an instance of a version of a service. Versions in which the instance is
// the same share it. It is immutable but for what is remembered of it.
type entry struct {
	record
	// made is the instance that readers have, as long as any of them holds it: so
	// that all have the same, and what nobody asks for takes no memory.
	made atomic.Pointer[weak.Pointer[catalog.Instance]]
}

// newEntry returns the entry of a record.
func newEntry(r record) *entry { return &entry{record: r} }

// held returns the instance that a reader holds, or nil.
func (e *entry) held() *catalog.Instance {
	if made := e.made.Load(); made != nil {
		return made.Value()
	}
	return nil
}

// copied returns the instance for those who don't share it, who may hold it or not.
func (e *entry) copied() catalog.Instance {
	if in := e.held(); in != nil {
		return *in
	}
	return e.record.instance()
}

// instance returns the instance as readers see it, with the override applied. It is
// shared. Of an entry it is the same one as long as somebody holds it.
func (e *entry) instance() *catalog.Instance {
	var fresh *catalog.Instance
	for {
		made := e.made.Load()
		if made != nil {
			if in := made.Value(); in != nil {
				return in
			}
		}
		if fresh == nil {
			in := e.record.instance()
			fresh = &in
		}
		next := weak.Make(fresh)
		if e.made.CompareAndSwap(made, &next) {
			return fresh
		}
	}
}
