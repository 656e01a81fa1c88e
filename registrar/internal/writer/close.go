package writer

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// revokeTime is what Close leaves of its time for the revocation: that is one
// request, while marking key by key takes many where there are many instances.
const revokeTime = 500 * time.Millisecond

// Close stops reconciling, writes down the instances with a lease, as far as the
// time until the deadline allows, and revokes the lease, which deletes them. No
// goroutine of the writer is left. The error says that instances may be served
// until their lease expires.
func (w *Writer) Close(deadline time.Time) error {
	t := w.table
	t.lock()
	t.closed, t.stirred = true, true
	t.callers.endAll()
	started := w.started
	t.unlock()
	w.end()
	w.wg.Wait()
	var err error
	if started {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		err = w.farewell(ctx, deadline)
		cancel()
	}
	w.reconciler.lease.endRenewal()
	w.reconciler.lease.keepers.Wait()
	return err
}

// farewell is the part of Close that talks to etcd. Once the lease is revoked all
// keys under it are gone, whatever failed before.
func (w *Writer) farewell(ctx context.Context, deadline time.Time) error {
	r, left := w.reconciler, ""
	w.table.with(func() { w.table.leave(!w.leave) })
	if r.lease.id != 0 && !w.leave {
		early, cancel := context.WithDeadline(ctx, deadline.Add(-revokeTime))
		_ = w.removeAll(early) // what is left is tried again
		cancel()
		err := w.revoke(ctx)
		if err != nil {
			left = fmt.Sprintf("instances may be served until their lease of %v expires: ", r.lease.ttl)
		}
		if err != nil && etcdclient.Away(err) { // the time is over, and there can be many instances
			return fmt.Errorf("registrar: closing: %s%w", left, etcderror.Classify(etcderror.Explain(err, r.backend.LastError())))
		}
		w.table.with(func() { w.table.revoked(err == nil) })
	}
	if err := w.removeAll(ctx); err != nil {
		return fmt.Errorf("registrar: closing: %s%w", left, err)
	}
	return nil
}

// leave has removed what is left to remove, and with all, besides, what is under a
// lease. Nothing else is written any more.
func (t *table) leave(all bool) {
	t.leaving = all
	for _, e := range t.index.entries {
		switch {
		case e.desired.intent == intentNone:
		case e.desired.intent != intentRegister:
			t.touch(e, false)
		case all && !e.desired.static:
			t.dismiss(e)
		default:
			e.place = atRest
		}
	}
}

// revoked takes the end of the lease: what hung on it is gone, or, where one key
// that may not be written denies that, is deleted one by one.
func (t *table) revoked(done bool) {
	t.leaving = false
	for e := range t.open {
		if o := &e.observed; done && o.ours && o.lease == t.leases.current {
			*o = observed{presence: absent}
		}
		if e.desired.intent != intentRegister {
			t.touch(e, false)
		}
	}
}

// revoke ends the lease, trying again for as long as ctx lets it while etcd gives
// no answer.
func (w *Writer) revoke(ctx context.Context) error {
	pause := backoff.New(retryBase, retryLimit)
	for {
		err := w.reconciler.backend.Revoke(ctx, w.reconciler.lease.id)
		if err == nil || !etcdclient.Away(err) || pause.Wait(ctx) != nil {
			return err
		}
	}
}

// removeAll removes what is to go, trying again for as long as ctx lets it. What
// hangs on the lease is only marked.
func (w *Writer) removeAll(ctx context.Context) error {
	pause := backoff.New(retryBase, retryLimit)
	for {
		err := w.removeOnce(ctx)
		left, refusal := w.left()
		switch err = cmp.Or(etcderror.Classify(err), refusal); {
		case left == 0:
			return nil
		case err != nil && etcderror.Denied(err):
			return err
		case pause.Wait(ctx) != nil:
			return fmt.Errorf("instances not removed: %d: %w", left, cmp.Or(err, etcderror.Classify(ctx.Err())))
		}
		w.table.with(w.table.queue.tryAgain)
	}
}

// removeOnce tries all removals. The error is that of an etcd that gives no answer.
func (w *Writer) removeOnce(ctx context.Context) error {
	for {
		var tasks []task
		w.table.with(func() { tasks, _ = w.table.take(maxRound) })
		if len(tasks) == 0 {
			return nil
		}
		if err := w.reconciler.execute(ctx, tasks); err != nil {
			return err
		}
	}
}

// left counts the instances that are still to go, but for those that are left to
// the revocation, and returns why etcd refuses one.
func (w *Writer) left() (n int, refusal error) {
	w.table.with(func() {
		for e := range w.table.open {
			if e.state == registrar.StateUnregistering && e.place != atRest {
				n++
				refusal = cmp.Or(refusal, e.refused)
			}
		}
	})
	return n, refusal
}
