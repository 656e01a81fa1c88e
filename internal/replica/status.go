package replica

import (
	"context"
	"errors"

	"github.com/rosterdns/roster/internal/mirror"
)

// Status returns the state of the mirror, and of Config.Ranges the worst state, the
// oldest contact, and an error if there is any. It takes no lock and allocates
// nothing.
func (r *Replica) Status() mirror.Status {
	s := r.registry.mirror.Status()
	for i, rng := range r.ranges {
		one := rng.Status()
		if i == 0 || badness(one.State) > badness(s.State) {
			s.State = one.State
		}
		if i == 0 || one.Contact.Before(s.Contact) {
			s.Contact = one.Contact
		}
		if s.Err == nil {
			s.Err = one.Err
		}
	}
	return s
}

// Live reports whether the state is live, as it was told last, for less than Status
// costs: who asks with every answer need not look at the clock.
func (r *Replica) Live() bool {
	for _, rng := range r.ranges {
		if !rng.Live() {
			return false
		}
	}
	return true
}

func badness(s mirror.State) int {
	return [...]int{mirror.Live: 0, mirror.Stale: 1, mirror.Unsynced: 2}[s]
}

// Lag returns by how many of etcd's revisions what is served is behind the latest
// that any answer of etcd has shown. Writes elsewhere in etcd count until the next
// progress of the watch.
func (r *Replica) Lag() int64 {
	s := r.registry.mirror.Status()
	if s.Revision == 0 {
		return 0 // nothing is served yet
	}
	return max(0, s.Head-s.Revision)
}

// LastError returns why there is no contact; nil where there is, or no attempt has
// failed yet.
func (r *Replica) LastError() error {
	if err := r.Status().Err; err != nil {
		return err
	}
	return r.source.LastError()
}

// Wait returns nil once there is something to answer from in each of
// Config.Ranges: a list, or a snapshot. Where the predecessor is in contact it
// takes a list, since that knows more. Else the error is that of ctx, with the last
// one of the connection, or ErrClosed.
func (r *Replica) Wait(ctx context.Context) error {
	for _, rng := range r.ranges {
		ready := rng.Ready()
		if r.listFirst {
			ready = rng.Listed()
		}
		select {
		case <-ready:
		case <-r.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return errors.Join(ctx.Err(), r.LastError())
		}
	}
	return nil
}
