package writer

import (
	"errors"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// entry is a key: what is desired of it, what is observed, and how far that is.
// The table's mutex guards it.
type entry struct {
	name    catalog.Key
	key     string // below the registry's root
	service *service

	desired desired
	acked   bool // see situation

	observed observed
	asOf     int64 // the revision of etcd as of which that holds
	history  history
	shown    int64     // the revision of the key that the mirror showed last
	sub      *followed // nil while the key is not followed
	// unconfirmed says that the entry is in its list of those.
	unconfirmed bool

	callers  []*caller // that wait until it was tried, and some that don't any more
	refused  error     // why etcd refused the last operation; nil if it did not
	noSpace  bool
	place    place
	restored time.Time // when the instance was last registered again without being asked

	state    registrar.State // "" if there is none to tell of
	since    time.Time
	told     told
	retired  uint64 // counts how often there was nothing more to do
	released int64  // the revision as of which nothing more was to be known
}

// caller is a Register or an Unregister that waits until what it asked for was tried.
type caller struct {
	left int           // entries that were not
	done chan struct{} // closed when there are none, or nothing is to be waited for
}

// situation returns what the next operation depends on.
func (e *entry) situation(lease int64, leaving bool) situation {
	return situation{
		desired: e.desired, observed: e.observed, acked: e.acked,
		lease: lease, refused: e.refused != nil, noSpace: e.noSpace, leaving: leaving,
	}
}

// register asks for an instance, and reports whether that changes anything.
func (e *entry) register(value []byte, static bool) bool {
	d := desired{intent: intentRegister, value: value, static: static}
	if e.state == registrar.StateRegistered && e.desired.equal(d) {
		return false
	}
	if e.desired.intent != intentRegister {
		e.acked = false // whoever asks again after Unregister wants the ID
	}
	e.ask(d)
	return true
}

// remove asks for the absence of the instance.
func (e *entry) remove(i intent) { e.ask(desired{intent: i}) }

func (e *entry) ask(d desired) {
	e.desired, e.refused, e.noSpace = d, nil, false
}

// problem returns what stands in the way of what is desired; nil if it is known
// of nothing.
func (e *entry) problem(away error) error {
	err := e.refused
	if e.state == registrar.StateSuperseded {
		err = registrar.ErrSuperseded
	}
	switch {
	case away == nil:
		return err
	case err == nil || errors.Is(err, registrar.ErrUnavailable):
		return away
	default:
		return errors.Join(err, away)
	}
}

// status returns what a user is told of the instance; away is why etcd gives no
// answer.
func (e *entry) status(away error) registrar.InstanceStatus {
	return registrar.InstanceStatus{
		Namespace: e.name.Namespace, Service: e.name.Service, ID: e.name.ID,
		State: e.state, Since: e.since, Revision: e.observed.revision, Err: e.problem(away),
	}
}

// told is what was told of an entry.
type told struct {
	state  registrar.State
	failed bool
}

// toFollow reports whether the key is to be followed: once a write of what is
// desired was acknowledged, and for stragglers.
func (e *entry) toFollow() bool {
	return e.desired.intent == intentRegister && e.acked || e.place == straggler
}

// isOld reports whether a change comes too late to be news: the entry was released since, and
// its key is still followed until the reconciler ends that.
func (e *entry) isOld(revision int64) bool {
	return e.place == atRest && !e.toFollow() && revision <= e.released
}

// look notes an entry whose key is to be followed now, or no more.
func (t *table) look(e *entry) {
	if e.toFollow() != (e.sub != nil) {
		t.following[e] = true
	}
}

// converged reports whether etcd has what is desired.
func (e *entry) converged() bool { return e.state == registrar.StateRegistered || e.state == "" }

// place is where an entry is on its way to etcd.
type place uint8

const (
	atRest    place = iota
	ready           // waits for its turn
	deferred        // waits for a lease, or the next try
	underWay        // an operation is under way
	straggler       // at rest, and followed for stragglers
)

// service is the entries of one service.
type service struct {
	rng      string // "NAMESPACE/SERVICE/"
	entries  map[string]*entry
	followed int       // keys
	sub      *followed // of the whole range; nil while keys are followed one by one
}

// followed is a range that the mirror follows: a key, or the keys of a service. The
// table's mutex guards it.
type followed struct {
	rng     string
	entries map[string]*entry // that are followed by it
	ended   bool
	listed  bool
	// revision is that as of which the range was shown last; before that, one that
	// etcd had.
	revision int64
	// unconfirmed is the entries of which etcd has told something that the mirror has
	// not shown yet.
	unconfirmed []*entry
	stop        func() // of the reconciler
}

// attach has an entry shown by the range. Where that has yet to be followed, it
// will show what is there already.
func (f *followed) attach(e *entry) {
	e.unconfirmed = false
	if e.sub = f; !f.listed {
		e.shown = 0
	}
	f.entries[e.key] = e
	f.confirm(e)
}

// confirm has the mirror asked for what is known of an entry.
func (f *followed) confirm(e *entry) {
	if e.observed.presence == present && e.shown < e.observed.revision && !e.unconfirmed {
		e.unconfirmed = true
		f.unconfirmed = append(f.unconfirmed, e)
	}
}
