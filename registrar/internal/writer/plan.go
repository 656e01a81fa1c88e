package writer

import (
	"bytes"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// intent is what is to become of a key.
type intent uint8

const (
	// intentNone leaves the key to others: only what this client wrote to it goes,
	// such as a straggler.
	intentNone intent = iota
	// intentRegister keeps an instance in the key.
	intentRegister
	// intentRemove removes what is this client's.
	intentRemove
	// intentRemoveStatic removes, besides, whatever hangs on no lease: an earlier
	// run of this client can have written it.
	intentRemoveStatic
	// intentRemoveAny removes what is there, whoever wrote it.
	intentRemoveAny
)

// desired is what the program asked of a key.
type desired struct {
	intent intent
	value  []byte // of intentRegister
	static bool   // of intentRegister: under no lease
}

// presence says whether a key is in etcd.
type presence uint8

const (
	// unknown is a key that was never read, or whose last write is not
	// acknowledged: the rest is then what was known before.
	unknown presence = iota
	absent
	present
)

// observed is what is known of a key in etcd.
type observed struct {
	presence presence
	value    []byte
	lease    int64 // 0 of an absent key, too
	revision int64 // of the last change; 0 of an absent key
	ours     bool  // this client wrote it
}

// same reports whether a key is seen as it was before. Where it is not, as of one
// revision, etcd's history is another one.
func (o observed) same(before observed) bool {
	return o.presence == before.presence && o.revision == before.revision && o.lease == before.lease
}

// situation is all that the next operation on a key depends on.
type situation struct {
	desired  desired
	observed observed
	acked    bool  // a write of what is desired was acknowledged: later ones are fenced
	lease    int64 // of this client; 0 while there is none
	refused  bool  // etcd refused the last operation
	noSpace  bool  // for want of space: only deletions go through
	leaving  bool  // the lease is about to be revoked, and all under it deleted
}

// action is what an operation does.
type action uint8

const (
	// actNone leaves the key as it is.
	actNone action = iota
	// actLease waits for a lease.
	actLease
	actRead
	actPut
	// actMarkDown writes what is there with the status down, so that readers can
	// tell an instance that was unregistered from one that has crashed.
	actMarkDown
	actDelete
)

// fence says under which condition an operation is carried out.
type fence uint8

const (
	// always carries it out, whatever there is.
	always fence = iota
	// ifLease carries it out if the key is absent, or hangs on operation.held.
	ifLease
	// ifRevision carries it out if the key was last changed at
	// operation.revision; 0 means that it is absent.
	ifRevision
)

// operation is the next step towards what is desired of a key.
type operation struct {
	action   action
	value    []byte // to put
	lease    int64  // to put it under
	fence    fence
	held     int64
	revision int64
}

// plan returns the next operation on a key, and the state of its instance; ""
// means that there is none to tell of, and nothing more to do.
func plan(s situation) (operation, registrar.State) {
	switch s.desired.intent {
	case intentRegister:
		op, state := register(s)
		if s.refused && state == registrar.StatePending {
			state = registrar.StateFailed
		}
		return op, state
	case intentNone:
		if s.observed.presence != present || !s.observed.ours {
			return operation{}, ""
		}
	}
	return remove(s)
}

// register plans for an instance that is to be in etcd.
func register(s situation) (operation, registrar.State) {
	d, o := s.desired, s.observed
	asDesired := bytes.Equal(o.value, d.value) && (o.lease == 0) == d.static
	switch {
	case !s.acked || o.presence == absent:
	case o.presence == present && asDesired && d.static:
		return operation{}, registrar.StateRegistered // whoever wrote it: nothing tells
	case o.presence == present && !o.ours:
		return operation{}, registrar.StateSuperseded
	case o.presence == present && asDesired && o.lease == s.lease:
		return operation{}, registrar.StateRegistered
	case !o.ours && o.revision != 0:
		return operation{action: actRead}, registrar.StateSuperseded // as far as is known
	}
	if !d.static && s.lease == 0 {
		return operation{action: actLease}, registrar.StatePending
	}
	op := operation{action: actPut, value: d.value, lease: s.lease}
	if d.static {
		op.lease = 0
	}
	switch {
	case !s.acked:
		op.fence = always
	case o.lease != 0:
		op.fence, op.held = ifLease, o.lease
	case o.revision == 0 && !d.static:
		op.fence, op.held = ifLease, s.lease
	default:
		// Lease 0 tells nobody apart: only the revision says that nobody else
		// has written since.
		op.fence, op.revision = ifRevision, o.revision
	}
	return op, registrar.StatePending
}

// remove plans for a key that is to go. Each step requires the key to be as it
// was observed, so that a successor's is never touched.
func remove(s situation) (operation, registrar.State) {
	i, o := s.desired.intent, s.observed
	down, served := markedDown(o.value)
	var op operation
	switch {
	case o.presence == unknown:
		op.action = actRead
	case o.presence == absent, !(o.ours || i == intentRemoveAny || i == intentRemoveStatic && o.lease == 0):
		return operation{}, "" // there is nothing that is to go
	case served && !s.noSpace:
		op = operation{action: actMarkDown, value: down, lease: o.lease, fence: ifRevision, revision: o.revision}
	case s.leaving && o.lease != 0 && o.lease == s.lease:
	default:
		op = operation{action: actDelete, fence: ifRevision, revision: o.revision}
	}
	return op, registrar.StateUnregistering
}

// anyID stands for the ID of an instance where only its value matters.
const anyID = "any"

// markedDown returns the value with the status down. What has it already, or
// can't be read as an instance, is not served, and only has to go.
func markedDown(value []byte) (down []byte, served bool) {
	in, err := catalog.DecodeValue(anyID, value)
	if err != nil || in.Status == catalog.StatusDown {
		return nil, false
	}
	in.Status = catalog.StatusDown
	return in.EncodeValue(), true
}

func (d desired) equal(other desired) bool {
	return d.intent == other.intent && d.static == other.static && bytes.Equal(d.value, other.value)
}
