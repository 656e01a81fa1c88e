package writer

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/backoff"
)

// minPatience keeps the time for the answer to a keepalive above what a busy etcd
// takes: a new stream costs it more than an answer that takes a while.
const minPatience = time.Second

// renewal is what a keepalive has come to, and when.
type renewal struct {
	result renewalResult
	at     time.Time
}

type renewalResult uint8

const (
	renewed     renewalResult = iota
	leaseGone                 // etcd doesn't know the lease
	leaseDenied               // the user may no longer write a key under the lease
)

// leaseKeeper keeps one lease alive: a goroutine and a stream for as long as the
// lease is held, and a few bytes each way every TTL/3 or somewhat less. One
// keepalive is under way at a time; a stream that is broken, or doesn't answer,
// is replaced with the next one.
type leaseKeeper struct {
	backend  Backend
	id       int64
	ttl      time.Duration
	renewals chan renewal // holds the latest
	fail     func(error)  // is told of each keepalive that came to nothing

	pause     *backoff.Backoff
	expires   time.Time // if no further keepalive is answered
	renewOnce func(id int64) (time.Duration, error)
	endStream context.CancelFunc
}

// newLeaseKeeper returns a keeper of a lease that was just granted.
func newLeaseKeeper(backend Backend, id int64, ttl time.Duration, fail func(error)) *leaseKeeper {
	return &leaseKeeper{
		backend: backend, id: id, ttl: ttl, fail: fail,
		renewals: make(chan renewal, 1),
		pause:    backoff.New(retryBase, spread(ttl)),
		expires:  time.Now().Add(ttl),
	}
}

// run sends keepalives until ctx is done or the lease is of no more use.
func (k *leaseKeeper) run(ctx context.Context) {
	defer k.hangUp()
	for wait := jittered(k.ttl / 3); backoff.Sleep(ctx, wait) == nil; {
		ttl, err := k.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, rpctypes.ErrPermissionDenied):
			k.tell(leaseDenied)
			return
		case err != nil:
			k.fail(err)
			wait = k.retryAfter()
			continue
		case ttl <= 0:
			k.tell(leaseGone)
			return
		}
		k.tell(renewed)
		k.expires = time.Now().Add(ttl)
		k.pause.Reset()
		wait = k.interval()
	}
}

// interval is the time between keepalives: four fifths of a third of the TTL, or
// up to all of it. Two can fail before the lease is in danger, and processes that
// were started by the same event drift apart within minutes.
func (k *leaseKeeper) interval() time.Duration {
	third := k.ttl / 3
	return third - rand.N(third/5+1)
}

// retryAfter is the pause after a failure. What is left of the lease cuts it
// short, so that no pause is what costs the lease.
func (k *leaseKeeper) retryAfter() time.Duration {
	d := k.pause.Next()
	if left := time.Until(k.expires); left > 0 {
		d = min(d, max(left/2, retryBase))
	}
	return d
}

// patience is how long etcd may take to open a stream, or to answer a keepalive.
func patience(ttl time.Duration) time.Duration { return min(max(ttl/3, minPatience), opTimeout) }

// renew sends one keepalive and waits for its answer.
func (k *leaseKeeper) renew(ctx context.Context) (ttl time.Duration, err error) {
	if k.renewOnce == nil {
		if err := k.open(ctx); err != nil {
			return 0, err
		}
	}
	err = k.timed(func() (err error) {
		ttl, err = k.renewOnce(k.id)
		return err
	})
	return ttl, err
}

func (k *leaseKeeper) open(ctx context.Context) error {
	ctx, k.endStream = context.WithCancel(ctx)
	return k.timed(func() (err error) {
		k.renewOnce, err = k.backend.KeepAlive(ctx)
		return err
	})
}

// timed calls do, which uses the stream, and ends the stream if that fails or
// takes too long.
func (k *leaseKeeper) timed(do func() error) error {
	timeout := time.AfterFunc(patience(k.ttl), k.endStream)
	err := do()
	if !timeout.Stop() {
		err = context.DeadlineExceeded
	}
	if err != nil {
		k.hangUp()
	}
	return err
}

// hangUp ends the stream.
func (k *leaseKeeper) hangUp() {
	if k.endStream != nil {
		k.endStream()
	}
	k.renewOnce, k.endStream = nil, nil
}

// tell leaves what a keepalive has come to for the reconciler, in place of what
// that has not taken yet: one that waits for etcd doesn't hold up keepalives.
func (k *leaseKeeper) tell(r renewalResult) {
	select {
	case <-k.renewals:
	default:
	}
	k.renewals <- renewal{r, time.Now()}
}
