package reader

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// How often the whole of a namespace is tried again that etcd refuses: rights
// are seldom given later, and a refusal can be one of a moment.
const (
	promoteAgain = time.Minute
	promoteLimit = time.Hour
)

// promotion is the step from the services of a namespace to its range.
type promotion struct {
	under bool          // way
	again time.Time     // when to try again after a refusal
	pause time.Duration // that came before it
}

// refused notes that etcd refuses the namespace.
func (p *promotion) refused(now time.Time) {
	p.under = false
	p.pause = min(max(2*p.pause, promoteAgain), promoteLimit)
	p.again = now.Add(p.pause)
}

// tryPromote begins to follow a namespace as a whole once many services of it
// are. The caller holds the mutex.
func (r *Reader) tryPromote(ns *namespace, now time.Time) {
	if len(ns.services) <= maxSingly || ns.whole != nil || ns.promote.under || now.Before(ns.promote.again) {
		return
	}
	ns.promote.under = true
	whole := r.follow(ns.name + "/")
	r.wg.Go(func() { r.promote(ns, whole) })
}

// promote moves the services of a namespace to its range once that is listed.
// Where the user may not read the whole they stay followed one by one.
func (r *Reader) promote(ns *namespace, whole *mirror.Range) {
	for {
		r.mu.Lock()
		events, err := r.events, whole.Status().Err
		switch {
		case r.closed.Err() != nil:
			r.mu.Unlock()
			return
		case isClosed(whole.Listed()):
			r.move(ns, whole)
			r.mu.Unlock()
			return
		case err != nil && etcderror.Denied(err), r.namespaces[ns.name] != ns:
			ns.promote.refused(time.Now())
			r.unfollow(whole)
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		select {
		case <-whole.Listed():
		case <-events:
		case <-r.closed.Done():
		}
	}
}

// move makes the range of a namespace that of its services. The caller holds the
// mutex.
func (r *Reader) move(ns *namespace, whole *mirror.Range) {
	ns.promote = promotion{}
	if r.namespaces[ns.name] != ns {
		r.unfollow(whole) // dropped meanwhile
		return
	}
	ns.whole = whole
	for _, svc := range ns.services {
		single := svc.followed.Swap(whole)
		r.unfollow(single)
	}
	r.look()
}
