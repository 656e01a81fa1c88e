package writer

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// maxRound is how many operations are planned at once: what is asked meanwhile
// waits for no more than these.
const maxRound = 8 * inFlight * maxOperations

// reconciler makes etcd as desired. One goroutine uses it.
type reconciler struct {
	table   *table
	backend Backend
	follow  Follow
	root    string // what the keys of the registry start with
	lease   *lease
	running context.Context

	pause *backoff.Backoff
	retry *time.Timer // the next try
	armed bool        // retry runs
	due   bool        // retry has fired
	// audit is the next look at the keys of the lease, stragglers the end of
	// following the next of them.
	audit, stragglers *time.Timer
}

// run reconciles until ctx is done.
func (r *reconciler) run(ctx context.Context) {
	r.audit.Reset(jittered(auditEvery))
	for ctx.Err() == nil {
		r.step(ctx)
		select {
		case <-ctx.Done():
		case <-r.table.wake:
		case <-r.retry.C:
			r.armed, r.due = false, true
			r.table.with(r.table.queue.tryAgain)
		case renewal := <-r.lease.renewals:
			r.renewed(renewal)
		case <-r.lease.silence.C:
			if err := r.lease.silent(); err != nil {
				r.lost(err)
			}
		case <-r.audit.C:
			r.audit.Reset(jittered(auditEvery))
			r.table.with(func() { r.table.audit = true })
		case now := <-r.stragglers.C:
			r.table.with(func() { r.table.endStragglers(now) })
		}
	}
	for _, timer := range []*time.Timer{r.retry, r.audit, r.stragglers, r.lease.silence} {
		timer.Stop()
	}
}

// step does what is to be done now, and sees to the next try. While etcd is away
// nothing hastens that.
func (r *reconciler) step(ctx context.Context) {
	again := true
	if held := r.heldFor(); held > 0 {
		r.armed = true
		r.retry.Reset(held)
	} else if r.due || !r.isAway() {
		r.due = false
		again = r.reconcile(ctx)
	}
	r.resubscribe()
	r.armStragglers()
	if !again {
		r.pause.Reset()
	} else if !r.armed {
		r.armed = true
		r.retry.Reset(r.pause.Next())
	}
}

// stoppedTimer returns a timer for Reset.
func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// reconcile carries out what is to be done, as far as that goes now. It reports
// whether something waits for the next try.
func (r *reconciler) reconcile(ctx context.Context) (again bool) {
	for r.heldFor() <= 0 {
		if r.lease.audit(ctx, r.root) != nil {
			return true
		}
		var tasks []task
		var unleased bool
		r.table.with(func() { tasks, unleased = r.table.take(maxRound) })
		if len(tasks) == 0 && !unleased {
			break
		}
		if r.execute(ctx, tasks) != nil {
			return true
		}
		if unleased && r.lease.id == 0 && r.lease.grant(ctx) != nil {
			return true
		}
	}
	r.checkContact(ctx)
	r.table.lock()
	defer r.table.unlock()
	return r.table.queue.waiting() || r.table.contact.away != nil || time.Now().Before(r.table.contact.resume)
}

// renewed takes what a keepalive has come to.
func (r *reconciler) renewed(renewal renewal) {
	again := r.lease.take(renewal)
	r.found(renewal.at)
	if again && renewal.result == renewed {
		// The connection was lost: etcd can be another, or an older one. Each
		// process looks after another while.
		r.audit.Reset(rand.N(min(spread(r.table.ttl), retryLimit)))
	}
}

func (r *reconciler) isAway() bool {
	r.table.lock()
	defer r.table.unlock()
	return r.table.contact.away != nil
}

// heldFor returns for how long nothing is to be written.
func (r *reconciler) heldFor() time.Duration {
	r.table.lock()
	defer r.table.unlock()
	return time.Until(r.table.contact.resume)
}

// resubscribe has the mirror follow the keys that are to be followed.
func (r *reconciler) resubscribe() {
	var c changes
	r.table.with(func() { c = r.table.resubscribe() })
	for _, s := range c.begin {
		if s.ended {
			continue // with many at once
		}
		s.stop = r.follow(s.rng, &subscription{s, r.table})
	}
	for _, s := range c.end {
		if s.stop != nil {
			s.stop()
		}
	}
}

// armStragglers sets the timer for the first key that is followed for stragglers.
func (r *reconciler) armStragglers() {
	r.table.lock()
	defer r.table.unlock()
	if until, ok := r.table.archive.next(); ok {
		r.stragglers.Reset(time.Until(until))
	}
}
