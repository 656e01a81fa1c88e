package writer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/internal/etcdclient"
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
	started := w.started
	t.unlock()
	w.endRunning()
	w.wg.Wait()
	var err error
	if started {
		ctx, cancel := context.WithDeadline(w.life, deadline)
		err = w.farewell(ctx, deadline)
		cancel()
	}
	w.endLife()
	w.reconciler.lease.keepers.Wait()
	return err
}

// farewell is the part of Close that talks to etcd. Once the lease is revoked all
// keys under it are gone, whatever failed before.
func (w *Writer) farewell(ctx context.Context, deadline time.Time) error {
	r, t := w.reconciler, w.table
	t.with(func() {
		t.contact.resume = time.Time{}
		t.leaving = !w.leave
		for _, e := range t.entries {
			if e.desired.intent == intentRegister && !e.desired.static && !w.leave {
				t.dismiss(e)
			} else if e.desired.intent != intentNone && e.desired.intent != intentRegister {
				t.touch(e, false)
			}
		}
	})
	if r.lease.id == 0 || w.leave {
		return w.removeAll(ctx)
	}
	early, cancel := context.WithDeadline(ctx, deadline.Add(-revokeTime))
	err := w.removeAll(early)
	cancel()
	revoked := w.revoke(ctx)
	if revoked != nil && !etcdclient.Away(revoked) {
		t.with(t.keepLease) // one key that may not be written denies the revocation
	}
	if w.left() > 0 && (revoked == nil || !etcdclient.Away(revoked)) {
		err = w.removeAll(ctx)
	}
	switch {
	case w.left() == 0 && revoked == nil, err == nil && revoked != nil && !etcdclient.Away(revoked):
		return nil
	case err == nil:
		err = etcderror.Classify(etcderror.Explain(revoked, r.backend.LastError()))
	}
	return fmt.Errorf("registrar: closing: instances may be served until their lease of %v expires: %w", r.lease.ttl, err)
}

// revoke ends the lease, trying again for as long as ctx lets it while etcd gives
// no answer. What hung on it is gone then.
func (w *Writer) revoke(ctx context.Context) error {
	pause := backoff.New(retryBase, retryLimit)
	for {
		err := w.reconciler.backend.Revoke(ctx, w.reconciler.lease.id)
		if err == nil {
			w.table.with(func() { w.table.revoked() })
		}
		if err == nil || !etcdclient.Away(err) || pause.Wait(ctx) != nil {
			return err
		}
	}
}

// revoked forgets what hung on the lease.
func (t *table) revoked() {
	for e := range t.open {
		if o := e.observed; o.lease == t.lease && o.ours && e.desired.intent >= intentRemove {
			e.desired = desired{}
			t.enter(e, "")
		}
	}
}

// keepLease has deleted one by one what would have gone with the lease.
func (t *table) keepLease() {
	t.leaving = false
	for e := range t.open {
		t.touch(e, false)
	}
}

// removeAll takes out what is to go, trying again for as long as ctx lets it.
// What hangs on the lease is only marked.
func (w *Writer) removeAll(ctx context.Context) error {
	pause := backoff.New(retryBase, retryLimit)
	for {
		err := w.removeOnce(ctx)
		left := w.left()
		switch {
		case left == 0:
			return nil
		case err != nil && etcderror.Denied(err):
			return err
		case pause.Wait(ctx) != nil:
			return errors.Join(err, fmt.Errorf("instances left: %d: %w", left, ctx.Err()))
		}
		w.table.with(w.table.tryAgain)
	}
}

// removeOnce tries all removals. The error is that of one that failed.
func (w *Writer) removeOnce(ctx context.Context) (err error) {
	for {
		var tasks []task
		w.table.with(func() { tasks, _ = w.table.take(maxRound) })
		if len(tasks) == 0 {
			break
		}
		if err := w.reconciler.execute(ctx, tasks); err != nil {
			return etcderror.Classify(err)
		}
	}
	w.table.with(func() {
		for e := range w.table.open {
			if e.desired.intent >= intentRemove && e.refused != nil {
				err = e.refused
			}
		}
	})
	return err
}

// left counts the instances that are still to go, but for those that are left to
// the revocation.
func (w *Writer) left() (n int) {
	w.table.with(func() {
		for e := range w.table.open {
			if e.desired.intent >= intentRemove && e.place != atRest {
				n++
			}
		}
	})
	return n
}
