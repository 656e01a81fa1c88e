package writer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// Timing of the reconciler.
const (
	// opTimeout bounds one request: as long as an election of etcd takes, with
	// its default time-outs, and a reconnect.
	opTimeout = 3 * time.Second
	// retryBase and retryLimit bound the pause before the next try.
	retryBase  = 100 * time.Millisecond
	retryLimit = 2 * time.Second
	// auditEvery is how often the keys of the lease are looked at, about: for
	// what hangs on it where nothing is followed.
	auditEvery = 5 * time.Minute
)

// maxRound is how many operations are planned at once: what is asked meanwhile
// waits for no more than these.
const maxRound = 10 * maxOperations

// reconciler makes etcd as desired. One goroutine uses it.
type reconciler struct {
	table   *table
	backend Backend
	follow  Follow
	root    string // what the keys of the registry start with
	lease   *lease
	running context.Context

	pause *backoff.Backoff
	audit *time.Timer // the next look at the keys of the lease
}

// run reconciles until ctx is done.
func (r *reconciler) run(ctx context.Context) {
	retry, stragglers := stoppedTimer(), stoppedTimer()
	defer retry.Stop()
	defer stragglers.Stop()
	r.audit = time.NewTimer(jittered(auditEvery))
	defer r.audit.Stop()
	armed, due := false, true
	for ctx.Err() == nil {
		// While etcd is away nothing hastens the next try.
		again := true
		if held := r.heldFor(); held > 0 {
			armed = true
			retry.Reset(held)
		} else if due || !r.isAway() {
			due = false
			again = r.reconcile(ctx)
		}
		r.resubscribe()
		r.armStragglers(stragglers)
		if !again {
			r.pause.Reset()
		} else if !armed {
			armed = true
			retry.Reset(r.pause.Next())
		}
		select {
		case <-ctx.Done():
		case <-r.table.wake:
		case <-retry.C:
			armed, due = false, true
			r.table.with(r.table.tryAgain)
		case renewal := <-r.lease.renewals:
			r.renewed(renewal)
		case <-r.lease.silence.C:
			if err := r.lease.silent(); err != nil {
				r.lost(err)
			}
		case <-r.audit.C:
			r.audit.Reset(jittered(auditEvery))
			r.table.with(func() { r.table.audit = true })
		case now := <-stragglers.C:
			r.table.with(func() { r.table.endStragglers(now) })
		}
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// reconcile carries out what is to be done, as far as that goes now. It reports
// whether something waits for the next try.
func (r *reconciler) reconcile(ctx context.Context) (again bool) {
	if r.lease.audit(ctx, r.root) != nil {
		return true
	}
	for r.heldFor() <= 0 {
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
	r.table.lock()
	defer r.table.unlock()
	return r.table.waiting() || r.table.contact.away != nil || time.Now().Before(r.table.contact.resume)
}

// execute carries out operations. The error is that of an etcd that gives no
// answer; refusals are noted.
func (r *reconciler) execute(ctx context.Context, tasks []task) error {
	distrusted := false
	for _, group := range grouped(tasks) {
		for _, chunk := range chunks(r.root, group) {
			err := r.send(ctx, chunk)
			if err != nil && etcdclient.Away(err) {
				r.table.with(func() { r.table.withdraw(tasks) })
				return err
			}
			distrusted = distrusted || errors.Is(err, rpctypes.ErrLeaseNotFound)
		}
	}
	if distrusted && r.lease.id != 0 {
		return r.lease.check(ctx)
	}
	return nil
}

// grouped separates operations that are refused for different reasons: without
// space etcd takes deletions still.
func grouped(tasks []task) [][]task {
	groups := make([][]task, 3)
	for _, k := range tasks {
		i := 1
		switch k.op.action {
		case actPut:
			i = 2
		case actMarkDown:
			i = 0
		}
		groups[i] = append(groups[i], k)
	}
	return groups
}

// send carries out operations in one transaction. A refusal of one key refuses
// the whole, so that halves are tried apart.
func (r *reconciler) send(ctx context.Context, tasks []task) error {
	t := r.table
	t.with(func() { t.sending(tasks) })
	var resp *pb.TxnResponse
	var results []outcome
	err := r.request(ctx, func(ctx context.Context) (err error) {
		resp, err = r.backend.Txn(ctx, transaction(r.root, tasks))
		return err
	})
	if err == nil {
		results, err = outcomes(tasks, resp)
	}
	switch {
	case err == nil:
		t.with(func() {
			for i, o := range results {
				t.answered(tasks[i], o, resp.Header.Revision)
			}
		})
	case etcdclient.Away(err):
		t.with(func() { t.lost(tasks) })
	case len(tasks) > 1 && splits(err):
		t.with(func() { t.unsent(tasks) })
		half := len(tasks) / 2
		if err := r.send(ctx, tasks[:half]); err != nil && etcdclient.Away(err) {
			return err
		}
		return r.send(ctx, tasks[half:])
	default:
		t.with(func() { t.refused(tasks, err) })
	}
	return err
}

// request calls etcd with a time-out and notes whether it is there. An error for
// want of an answer says why there is no connection.
func (r *reconciler) request(ctx context.Context, do func(ctx context.Context) error) error {
	timed, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	err := do(timed)
	if err != nil && etcdclient.Away(err) {
		err = etcderror.Explain(err, r.backend.LastError())
		r.lost(err)
	} else if err == nil || !deniesUser(err) {
		r.found()
	}
	return err
}

// found notes that etcd has answered.
func (r *reconciler) found() {
	t := r.table
	t.lock()
	defer t.unlock()
	since := t.contact.since
	back, again := t.contact.found()
	if !back {
		return
	}
	now := time.Now()
	t.audit, t.stirred = true, true
	if again {
		t.contact.hold(t.ttl, now)
	}
	t.note(func(log *slog.Logger) {
		log.Info("registrar: back in contact with etcd", "away", now.Sub(since).Round(time.Millisecond).String())
	})
}

// lost notes that etcd gives no answer, unless it is the client that goes.
func (r *reconciler) lost(err error) {
	if r.running.Err() != nil {
		return
	}
	t := r.table
	t.lock()
	defer t.unlock()
	t.stirred = true
	if t.contact.lost(etcderror.Classify(err), time.Now()) {
		t.note(func(log *slog.Logger) {
			log.Warn("registrar: no contact with etcd, trying again until it answers", "error", err)
		})
	}
}

// renewed takes what a keepalive has come to.
func (r *reconciler) renewed(renewal renewal) {
	r.lease.take(renewal)
	r.found()
	if renewal == renewedAnew {
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
	var begin, end []*subscription
	r.table.with(func() { begin, end = r.table.resubscribe() })
	for _, s := range begin {
		s.stop = r.follow(s.rng, s)
	}
	for _, s := range end {
		s.stop()
	}
}

func (r *reconciler) armStragglers(timer *time.Timer) {
	r.table.lock()
	defer r.table.unlock()
	if until, ok := r.table.nextStraggler(); ok {
		timer.Reset(time.Until(until))
	}
}
