package writer

import "github.com/rosterdns/roster/registrar"

// Reports is whom a writer tells what it does. Its functions are called with a lock held,
// in order, and only note it; Tell is called without.
type Reports struct {
	// Registered notes the new status of an instance; with the state "" it is known to be
	// gone.
	Registered func(registrar.InstanceStatus)
	// Contacted notes that etcd has answered, or that it gives no answer.
	Contacted func(inContact bool)
	// Tell tells of what was noted.
	Tell func()
}

// reports finds out of which instances there is something to tell. The table's mutex
// guards it.
type reports struct {
	*Reports                     // nil where nobody is told
	changed  map[*entry]struct{} // since the mutex was taken
	all      bool                // contact was lost or regained: the errors of all have changed
}

// note notes an entry of which something may have changed.
func (r *reports) note(e *entry) {
	if r.Reports != nil {
		r.changed[e] = struct{}{}
	}
}

// contacted notes that contact was lost or made.
func (r *reports) contacted(inContact bool) {
	if r.Reports != nil {
		r.all = true
		r.Contacted(inContact)
	}
}

// report notes what has changed, before the mutex is released.
func (t *table) report() {
	r := &t.reports
	if r.all {
		for _, e := range t.index.entries {
			r.changed[e] = struct{}{}
		}
		r.all = false
	}
	for e := range r.changed {
		st := e.status(t.contact.away)
		if now := (told{st.State, st.Err != nil}); now != e.told {
			e.told = now
			r.Registered(st)
		}
	}
	clear(r.changed)
}
