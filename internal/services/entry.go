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
