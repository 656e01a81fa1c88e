package writer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// inFlight is how many transactions of a client are under way at once: etcd writes to its disk
// together what arrives meanwhile, and this process makes the next ones. With more than these
// few it would take no less time, and requests of others would wait.
const inFlight = 4

// execute carries out operations. The error is that of an etcd that gives no
// answer; refusals are noted.
func (r *reconciler) execute(ctx context.Context, tasks []task) error {
	for _, group := range grouped(tasks) {
		if err := r.sendAll(ctx, chunks(r.root, group), r.limit(group)); err != nil {
			r.table.with(func() { r.table.lost(tasks) })
			return err
		}
	}
	return nil
}

// sendAll carries out each chunk in a transaction, so many at once. It begins no other one
// once etcd gives no answer, which is the error.
func (r *reconciler) sendAll(ctx context.Context, chunks [][]task, limit int) error {
	sending, going := errgroup.WithContext(ctx)
	sending.SetLimit(limit)
	for _, chunk := range chunks {
		sending.Go(func() error {
			if going.Err() != nil {
				return context.Cause(going)
			}
			if err := r.send(ctx, chunk); err != nil && etcdclient.Away(err) {
				return err
			}
			return nil
		})
	}
	return sending.Wait()
}

// limit returns how many transactions are to be under way at once: one where nobody knows
// whether etcd answers, or takes them. Refusals then come in order, so that the next
// instance of each service has its turn at the next try.
func (r *reconciler) limit(group []task) int {
	r.table.lock()
	defer r.table.unlock()
	if c := &r.table.contact; c.away != nil || !c.answered || refusedBefore(group) {
		return 1
	}
	return inFlight
}

// refusedBefore reports whether etcd has refused all entries of operations before.
func refusedBefore(tasks []task) bool {
	return !slices.ContainsFunc(tasks, func(k task) bool { return !k.refused })
}

// grouped separates operations that are refused for different reasons: without
// space etcd takes deletions still. Those that were refused before come last.
func grouped(tasks []task) [][]task {
	groups := make([][]task, 6)
	for _, k := range tasks {
		i := 1
		switch k.op.action {
		case actPut:
			i = 2
		case actMarkDown:
			i = 0
		}
		if k.refused {
			i += 3
		}
		groups[i] = append(groups[i], k)
	}
	return groups
}

// send carries out operations in one transaction. A refusal of one key refuses
// the whole, so that halves are tried apart.
func (r *reconciler) send(ctx context.Context, tasks []task) error {
	t := r.table
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
	case etcdclient.Away(err): // of all that was taken
	case len(tasks) > 1 && splits(err) && refusedBefore(tasks):
		return r.probe(ctx, tasks, err)
	case len(tasks) > 1 && splits(err):
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

// probe tries one operation of each service again, since all were refused before,
// and the others of the service only if that one gets through: a user without the
// right to them costs etcd no more than that with each try.
func (r *reconciler) probe(ctx context.Context, tasks []task, refusal error) error {
	byService := map[*service][]task{}
	for _, k := range tasks {
		byService[k.entry.service] = append(byService[k.entry.service], k)
	}
	for _, group := range byService {
		// The last one: it is the first of those that are tried next time.
		last := len(group) - 1
		err := r.send(ctx, group[last:])
		switch {
		case err == nil && last > 0:
			err = r.send(ctx, group[:last])
		case err != nil && !etcdclient.Away(err):
			r.table.with(func() { r.table.refused(group[:last], refusal) })
		}
		if err != nil && etcdclient.Away(err) {
			return err
		}
	}
	return refusal
}

// request calls etcd with a time-out and notes whether it is there. An error for
// want of an answer says why there is no connection.
func (r *reconciler) request(ctx context.Context, do func(ctx context.Context) error) error {
	timed, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	asked := time.Now()
	err := do(timed)
	if err != nil && etcdclient.Away(err) {
		err = etcderror.Explain(err, r.backend.LastError())
		r.lost(err)
	} else if err == nil || !deniesUser(err) {
		r.found(asked)
	}
	return err
}

// checkContact asks etcd whether it is there, if it is away and nothing else asks: there is
// neither a lease to renew nor an operation to try, as when etcd has carried out one that it
// had not answered. It reads a key, whichever, which takes a quorum as writes do.
func (r *reconciler) checkContact(ctx context.Context) {
	unasked := false
	r.table.with(func() {
		unasked = r.table.contact.away != nil && r.lease.id == 0 && !r.table.queue.waiting()
	})
	if !unasked {
		return
	}
	read := task{entry: &entry{}, op: operation{action: actRead}}
	_ = r.request(ctx, func(ctx context.Context) error { // which notes whether there is an answer
		_, err := r.backend.Txn(ctx, transaction(r.root, []task{read}))
		return err
	})
}

// found notes that etcd has answered, as of a time.
func (r *reconciler) found(asOf time.Time) {
	t := r.table
	t.lock()
	defer t.unlock()
	if t.contact.outdated(asOf) {
		return
	}
	since, first := t.contact.since, !t.contact.answered
	back, again := t.contact.found()
	if back || first {
		t.reports.contacted(true)
	}
	if !back {
		return
	}
	now := time.Now()
	t.stirred, t.audit = true, true // what etcd carried out meanwhile is under the lease
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
	t.callers.endAll()
	if t.contact.lost(etcderror.Classify(err), time.Now()) {
		t.reports.contacted(false)
		t.note(func(log *slog.Logger) {
			log.Warn("registrar: no contact with etcd, retrying", "error", err)
		})
	}
}

// deniesUser reports whether etcd refuses the user, whatever is asked. Nothing
// gets through then, so that it is no contact.
func deniesUser(err error) bool { return etcdclient.KindOf(err) == etcdclient.Unauthenticated }

// splits reports whether an error can be about one key of a transaction, so
// that the others go through without it. Others are about the user or the
// server, and each try costs both.
func splits(err error) bool {
	return etcdclient.KindOf(err) == etcdclient.Forbidden ||
		errors.Is(err, rpctypes.ErrRequestTooLarge) || errors.Is(err, rpctypes.ErrTooManyOps)
}
