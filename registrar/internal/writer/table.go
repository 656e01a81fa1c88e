package writer

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// healEvery is how often an instance is put back at once; beyond it waits for
// the next try, so that two programs don't fight over a key at full speed.
const healEvery = time.Second

// table has all keys that a client has to do with. Between lock and unlock the
// caller has it alone.
type table struct {
	log *slog.Logger
	ttl time.Duration

	mu       sync.Mutex
	entries  map[string]*entry   // by key
	services map[string]*service // by range
	ready    []*entry            // in the order in which they are to be written
	deferred []*entry            // for the next try
	unleased []*entry            // for a lease
	open     map[*entry]bool     // that have not converged
	told     int                 // entries with a state
	refollow map[*entry]bool     // that are to be followed, or no more
	past     past
	contact  contact
	lease    int64          // 0 while there is none
	leases   map[int64]bool // that this client has had, and whether they can still be alive
	audit    bool           // the keys of the lease are to be looked at
	leaving  bool           // Close has begun: what is under the lease goes with it
	closed   bool

	changed chan struct{} // closed, and replaced, with each change of states
	stirred bool
	notes   []func(log *slog.Logger)
	wake    chan struct{} // there is something to do
}

// service is the instances of one service.
type service struct {
	rng      string // "NAMESPACE/SERVICE/"
	entries  map[string]*entry
	followed int           // keys
	sub      *subscription // of the whole range; nil while keys are followed one by one
}

func newTable(log *slog.Logger, ttl time.Duration) *table {
	return &table{
		log: log, ttl: ttl,
		entries: map[string]*entry{}, services: map[string]*service{}, open: map[*entry]bool{}, refollow: map[*entry]bool{},
		leases: map[int64]bool{}, changed: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

func (t *table) lock() { t.mu.Lock() }

// unlock tells of what has changed, and logs what was noted.
func (t *table) unlock() {
	notes := t.notes
	t.notes = nil
	if t.stirred {
		t.stirred = false
		close(t.changed)
		t.changed = make(chan struct{})
	}
	t.mu.Unlock()
	for _, write := range notes {
		write(t.log)
	}
}

// with calls fn with the table to itself.
func (t *table) with(fn func()) {
	t.lock()
	defer t.unlock()
	fn()
}

// nudge wakes the reconciler.
func (t *table) nudge() {
	select {
	case t.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// note has a line of log written once the mutex is free.
func (t *table) note(write func(log *slog.Logger)) { t.notes = append(t.notes, write) }

// entry returns the entry of an instance, a new one if there is none.
func (t *table) entry(name catalog.Key) *entry {
	rng := name.Namespace + "/" + name.Service + "/"
	key := rng + name.ID
	if e := t.entries[key]; e != nil {
		return e
	}
	svc := t.services[rng]
	if svc == nil {
		svc = &service{rng: rng, entries: map[string]*entry{}}
		t.services[rng] = svc
	}
	e := &entry{name: name, key: key, service: svc}
	t.entries[key], svc.entries[key] = e, e
	return e
}

// drop forgets an entry.
func (t *table) drop(e *entry) {
	delete(t.entries, e.key)
	delete(e.service.entries, e.key)
	t.dropService(e.service)
}

// dropService forgets a service of which nothing is left.
func (t *table) dropService(svc *service) {
	if len(svc.entries) == 0 && svc.followed == 0 {
		delete(t.services, svc.rng)
	}
}

// touch plans anew for an entry of which something has changed. What is to be
// done waits for its turn, or for the next try.
func (t *table) touch(e *entry, later bool) {
	op, state := plan(e.situation(t.lease, t.leaving))
	if op.action == actForget {
		e.desired = desired{}
		op.action = actNone
	}
	t.enter(e, state)
	switch {
	case e.place == underWay: // its answer comes first
	case op.action == actNone:
		e.place = atRest // wherever it is queued
		if state == "" {
			t.retire(e)
		}
	case later:
		e.place = deferred
		t.deferred = append(t.deferred, e)
	case e.place != ready:
		e.place = ready
		t.ready = append(t.ready, e)
	}
	if e.toFollow() != (e.sub != nil) {
		t.refollow[e] = true
	}
}

// enter puts an entry into a state.
func (t *table) enter(e *entry, state registrar.State) {
	t.stirred = true
	if e.state == state {
		return
	}
	if state == registrar.StateSuperseded {
		t.note(func(log *slog.Logger) {
			log.Warn("registrar: another client has taken over the instance, silent until it is gone", "instance", e.name.String())
		})
	}
	if e.state == "" {
		t.told++
	}
	if state == "" {
		t.told--
	}
	e.state, e.since = state, time.Now()
	if e.converged() {
		delete(t.open, e)
	} else {
		t.open[e] = true
	}
}

// tryAgain gives all entries their turn that wait for the next try.
func (t *table) tryAgain() {
	t.turn(t.deferred, deferred)
	t.turn(t.unleased, unleased)
	t.deferred, t.unleased = nil, nil
}

// turn gives those entries their turn that are still at the place.
func (t *table) turn(entries []*entry, at place) {
	for _, e := range entries {
		if e.place == at {
			e.place = ready
			t.ready = append(t.ready, e)
		}
	}
}

// waiting reports whether an entry waits for the next try.
func (t *table) waiting() bool {
	return slices.ContainsFunc(t.deferred, func(e *entry) bool { return e.place == deferred }) || len(t.unleased) > 0
}

// own reports whether a lease is, or was, this client's.
func (t *table) own(lease int64) bool {
	_, own := t.leases[lease]
	return own
}

// expired reports whether a lease of this client's is known to be gone.
func (t *table) expired(lease int64) bool { return t.own(lease) && !t.leases[lease] }
