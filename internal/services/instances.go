package services

import (
	"iter"
	"slices"
)

// instances are the instances of a version of a service in order of ID: in runs, so
// that a change copies one of them and the list of the runs, and small services, which
// nearly all are, take no more memory than their instances. It is immutable.
type instances struct {
	runs  []run // none is empty
	count int
}

// run is a part of instances, in order.
type run []*entry

// maxRun is the length of a run: of 20,000 instances, about as much is copied of the
// list of runs as of a run.
const maxRun = 256

// firstRun is for how many entries there is room at first: as many as most services have.
const firstRun = 8

// find returns where an ID is in a run, or would be.
func (r run) find(id string) (at int, found bool) {
	if n := len(r); r[n-1].compareID(id) < 0 { // as in a list, which comes in order
		return n, false
	}
	return slices.BinarySearchFunc(r, id, func(e *entry, id string) int { return e.compareID(id) })
}

// findRun returns the index of the run that an ID is in or belongs to: 0 if there is
// none.
func findRun(runs []run, id string) int {
	at, found := slices.BinarySearchFunc(runs, id, func(r run, id string) int { return r[0].compareID(id) })
	if !found && at > 0 {
		at-- // the run that begins before the ID
	}
	return at
}

// get returns the entry of an ID, or nil.
func (x *instances) get(id string) *entry {
	if x.count == 0 {
		return nil
	}
	r := x.runs[findRun(x.runs, id)]
	if at, found := r.find(id); found {
		return r[at]
	}
	return nil
}

// all yields the entries in order of ID.
func (x *instances) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, r := range x.runs {
			for _, e := range r {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// instanceEdits are instances while they are edited: runs are copied when they are
// changed first.
type instanceEdits struct {
	instances
	own []bool // which runs can be changed; nil before the first change
}

// edit has the list of runs be one that can be changed.
func (x *instanceEdits) edit() {
	if x.own == nil {
		x.runs = slices.Clone(x.runs)
		x.own = make([]bool, len(x.runs), len(x.runs)+1)
	}
}

// change returns a run that can be changed.
func (x *instanceEdits) change(i int) run {
	if !x.own[i] {
		x.runs[i], x.own[i] = append(make(run, 0, len(x.runs[i])+1), x.runs[i]...), true
	}
	return x.runs[i]
}

// insert puts in a run that can be changed.
func (x *instanceEdits) insert(i int, r run) {
	x.runs, x.own = slices.Insert(x.runs, i, r), slices.Insert(x.own, i, true)
}

// set puts an entry in, and returns the one that it replaces.
func (x *instanceEdits) set(id string, e *entry) (old *entry) {
	x.edit()
	if x.count == 0 {
		x.insert(0, append(make(run, 0, firstRun), e))
		x.count = 1
		return nil
	}
	i := findRun(x.runs, id)
	at, found := x.runs[i].find(id)
	r := x.change(i)
	if found {
		old, r[at] = r[at], e
		return old
	}
	x.count++
	switch {
	case len(r) < maxRun:
		x.runs[i] = slices.Insert(r, at, e)
	case at == len(r):
		x.insert(i+1, run{e})
	default:
		x.split(i)
		if at > len(x.runs[i]) {
			i, at = i+1, at-len(x.runs[i])
		}
		x.runs[i] = slices.Insert(x.runs[i], at, e)
	}
	return nil
}

// split makes two of a run that can be changed.
func (x *instanceEdits) split(i int) {
	r := x.runs[i]
	x.insert(i+1, slices.Clone(r[len(r)/2:]))
	x.runs[i] = slices.Delete(r, len(r)/2, len(r))
}

// remove takes out an entry, which it returns, or nil.
func (x *instanceEdits) remove(id string) *entry {
	old := x.get(id)
	if old == nil {
		return nil
	}
	x.edit()
	i := findRun(x.runs, id)
	r := x.change(i)
	at, _ := r.find(id)
	x.runs[i] = slices.Delete(r, at, at+1)
	x.count--
	x.join(i)
	return old
}

// join has a run that got short be one with a neighbour, so that there are never many
// of these.
func (x *instanceEdits) join(i int) {
	switch n := len(x.runs[i]); {
	case n == 0:
		x.drop(i)
	case n >= maxRun/4:
	case i > 0 && len(x.runs[i-1])+n <= maxRun/2:
		x.merge(i - 1)
	case i+1 < len(x.runs) && len(x.runs[i+1])+n <= maxRun/2:
		x.merge(i)
	}
}

// merge makes one of a run and the next.
func (x *instanceEdits) merge(i int) {
	x.runs[i] = append(x.change(i), x.runs[i+1]...)
	x.drop(i + 1)
}

func (x *instanceEdits) drop(i int) {
	x.runs, x.own = slices.Delete(x.runs, i, i+1), slices.Delete(x.own, i, i+1)
}

// done returns the instances, in no more memory than they need.
func (x *instanceEdits) done() instances {
	for i, own := range x.own {
		if own && len(x.runs[i]) < cap(x.runs[i]) {
			x.runs[i] = slices.Clone(x.runs[i])
		}
	}
	x.own = nil
	return x.instances
}
