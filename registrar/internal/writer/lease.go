package writer

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

var errSilent = errors.New("keepalives of the lease are not answered")

// call makes a request to etcd with a time-out, and notes whether it is there.
type call func(ctx context.Context, request func(ctx context.Context) error) error

// lease is the one lease of a client, of which leases has the ID for plans. Only
// the reconciler uses it.
type lease struct {
	backend Backend
	table   *table
	call    call
	keepers sync.WaitGroup

	id       int64 // 0 while there is none
	ttl      time.Duration
	renewals <-chan renewal // nil while the lease is not renewed
	end      context.CancelFunc
	silence  *time.Timer
	// unrenewed is why the last keepalive came to nothing; nil if it was answered.
	unrenewed atomic.Pointer[error]
}

// grant takes a lease.
func (l *lease) grant(ctx context.Context) error {
	var id int64
	var ttl time.Duration
	err := l.call(ctx, func(ctx context.Context) (err error) {
		id, ttl, err = l.backend.Grant(ctx, l.table.ttl)
		return err
	})
	switch {
	case err != nil && etcdclient.Away(err):
		return err
	case err != nil:
		l.table.with(func() { l.table.ungranted(err) })
		return nil
	}
	l.id, l.ttl = id, ttl
	l.table.with(func() { l.table.granted(id) })
	l.keep()
	return nil
}

// keep has the lease renewed.
func (l *lease) keep() {
	ctx, cancel := context.WithCancel(context.Background())
	k := newLeaseKeeper(l.backend, l.id, l.ttl, func(err error) { l.unrenewed.Store(&err) })
	l.renewals, l.end = k.renewals, cancel
	l.silence.Reset(l.maxSilence())
	l.keepers.Go(func() { k.run(ctx) })
}

// endRenewal stops keepalives, which go on during Close; the lease itself may live.
func (l *lease) endRenewal() {
	if l.renewals != nil {
		l.end()
		l.renewals, l.end = nil, nil
	}
	l.silence.Stop()
}

// audit removes what hangs on the lease and is not desired.
func (l *lease) audit(ctx context.Context, root string) error {
	due := false
	l.table.with(func() { due, l.table.audit = l.table.audit && l.id != 0, false })
	if !due {
		return nil
	}
	var left time.Duration
	var keys []string
	err := l.call(ctx, func(ctx context.Context) (err error) {
		left, keys, err = l.backend.TimeToLive(ctx, l.id)
		return err
	})
	switch {
	case err != nil && etcdclient.Away(err):
		l.table.with(func() { l.table.audit = true }) // again, once there is an answer
		return err
	case err != nil: // a key that may not be read: its keepalives tell, too
	case left < 0:
		l.gone()
	default:
		l.table.with(func() { l.table.audited(root, keys) })
	}
	return nil
}

// take takes what a keepalive has come to, and reports whether others came to
// nothing before it.
func (l *lease) take(r renewal) (again bool) {
	again = l.unrenewed.Swap(nil) != nil
	if again && r.result != renewed {
		// Others have lost their leases too.
		l.table.with(func() { l.table.contact.hold(l.table.ttl, time.Now()) })
	}
	switch r.result {
	case leaseGone:
		l.gone()
	case leaseDenied:
		// One key that the user may not write denies the whole lease. The
		// others live on under another.
		instances := l.lose(false)
		l.table.log.Warn("registrar: etcd refused to renew the lease, registering again under a new one", "instances", instances)
	default:
		l.silence.Reset(l.maxSilence())
	}
	return again
}

// gone notes that etcd has no such lease any more.
func (l *lease) gone() {
	instances := l.lose(true)
	l.table.log.Warn("registrar: the lease has expired, registering again under a new one", "instances", instances)
}

// lose gives the lease up, and returns how many instances are to be written again
// for it.
func (l *lease) lose(expired bool) (instances int) {
	l.endRenewal()
	l.id = 0
	l.table.with(func() { instances = l.table.leaseLost(expired) })
	return instances
}

// maxSilence is how long keepalives can go unanswered before contact counts as
// lost: one is due every third of the TTL.
func (l *lease) maxSilence() time.Duration { return l.ttl * 2 / 3 }

// silent returns why contact is lost once keepalives came to nothing for
// maxSilence. Where none has failed, or one was answered that is not taken yet, it is nil:
// it is this process that was stopped or busy, and the next one tells.
func (l *lease) silent() error {
	failed := l.unrenewed.Load()
	if failed == nil || len(l.renewals) > 0 {
		l.silence.Reset(patience(l.ttl))
		return nil
	}
	// What keeps the connection from being made says more.
	return etcderror.Explain(errSilent, cmp.Or(l.backend.LastError(), *failed))
}
