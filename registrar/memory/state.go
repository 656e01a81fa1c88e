package memory

import (
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/notify"
)

// State is what a Store is to its clients.
type State uint8

const (
	// Up is a Store that answers.
	Up State = iota
	// Stale is a Store that answers, but results count as stale, as if contact was lost
	// just now: Stale is set, and Watch yields an error beside them.
	Stale
	// Unavailable is a Store that gives no answer. What clients have read stays, and is
	// stale; for all else GetService returns ErrUnavailable. Writes wait, and leases run
	// out.
	Unavailable
	// Forbidding is a Store that refuses its clients: as Unavailable, with ErrPermission.
	Forbidding
)

// String returns the state in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", s)
}

var stateNames = [...]string{Up: "up", Stale: "stale", Unavailable: "unavailable", Forbidding: "forbidding"}

var (
	errStale       = errors.New("the store is set to be stale")
	errUnavailable = errors.New("the store is set to be unavailable")
)

// SetState makes the store another to all of its clients: for tests of what a program
// does without a registry. Reads and Watches see that at once. What clients write
// waits until the store is up again, and they try again within seconds, as with etcd.
func (s *Store) SetState(state State) { s.fault.set(state) }

// fault is the state of a store. It is safe for concurrent use.
type fault struct {
	notify.List

	mu      sync.Mutex
	state   State
	changed chan struct{} // closed, and replaced, with each change
}

func newFault() *fault { return &fault{changed: make(chan struct{})} }

func (f *fault) set(state State) {
	f.mu.Lock()
	f.state = state
	close(f.changed)
	f.changed = make(chan struct{})
	f.mu.Unlock()
	f.Notify()
}

func (f *fault) get() (State, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.changed
}

// Err implements reader.Fault.
func (f *fault) Err() error {
	switch state, _ := f.get(); state {
	case Stale:
		return errStale
	default:
		return f.refusal()
	}
}

// refusal returns the error of a request; nil if it gets through.
func (f *fault) refusal() error {
	switch state, _ := f.get(); state {
	case Unavailable:
		return errUnavailable
	case Forbidding:
		return rpctypes.ErrPermissionDenied
	default:
		return nil
	}
}
