package etcd

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// maxSpread bounds spread, so that contact is noticed soon whatever the TTL.
	maxSpread = 5 * time.Second
	// minPatience keeps the time for the answer to a keepalive above what a
	// busy etcd takes: a new stream costs it more than a late answer.
	minPatience = time.Second
)

// spread is the time over which processes that lost the same etcd come back to
// it, each at a random point. A fifth of the TTL leaves the rest of it for coming
// back.
func spread(ttl time.Duration) time.Duration { return min(ttl/5, maxSpread) }

// beat is what a keepalive has come to.
type beat uint8

const (
	beatRenewed beat = iota
	beatGone         // etcd doesn't know the lease
	beatDenied       // the user may no longer write a key under the lease
)

// keeper keeps one lease alive: a goroutine and a stream for as long as the
// lease is held, and a few bytes each way every TTL/3 or somewhat less. One
// keepalive is under way at a time; a stream that is broken, or doesn't answer,
// is replaced with the next one.
type keeper struct {
	etcd backend
	id   clientv3.LeaseID
	ttl  time.Duration
	beat chan beat   // holds the latest
	fail func(error) // is told of each keepalive that came to nothing

	pause     *backoff.Backoff
	expires   time.Time // if no further keepalive is answered
	stream    keepAliveStream
	endStream context.CancelFunc
}

// newKeeper returns a keeper of a lease that was just granted, or seen alive.
func newKeeper(etcd backend, id clientv3.LeaseID, ttl time.Duration, fail func(error)) *keeper {
	return &keeper{
		etcd: etcd, id: id, ttl: ttl, fail: fail,
		beat:    make(chan beat, 1),
		pause:   backoff.New(retryBase, spread(ttl)),
		expires: time.Now().Add(ttl),
	}
}

// run sends keepalives until ctx is done or the lease is of no more use. The
// first goes after the pause.
func (k *keeper) run(ctx context.Context, first time.Duration) {
	defer k.hangUp()
	for wait := first; backoff.Sleep(ctx, wait) == nil; {
		ttl, err := k.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, rpctypes.ErrPermissionDenied):
			k.tell(beatDenied)
			return
		case err != nil:
			k.fail(err)
			wait = k.retryAfter()
		case ttl <= 0:
			k.tell(beatGone)
			return
		default:
			k.tell(beatRenewed)
			k.expires = time.Now().Add(ttl)
			k.pause.Reset()
			wait = k.interval()
		}
	}
}

// interval is the time between keepalives: four fifths of a third of the TTL, or
// up to all of it. Two can fail before the lease is in danger, and processes that
// were started by the same event drift apart within minutes.
func (k *keeper) interval() time.Duration {
	third := k.ttl / 3
	return third - rand.N(third/5+1)
}

// retryAfter is the pause after a failure. What is left of the lease cuts it
// short, so that no pause is what costs the lease.
func (k *keeper) retryAfter() time.Duration {
	d := k.pause.Next()
	if left := time.Until(k.expires); left > 0 {
		d = min(d, max(left/2, retryBase))
	}
	return d
}

// patience is how long etcd may take to open a stream, or to answer a keepalive.
func patience(ttl time.Duration) time.Duration { return min(max(ttl/3, minPatience), opTimeout) }

// renew sends one keepalive and waits for its answer.
func (k *keeper) renew(ctx context.Context) (time.Duration, error) {
	if k.stream == nil {
		if err := k.open(ctx); err != nil {
			return 0, err
		}
	}
	var ttl time.Duration
	err := k.timed(func() (err error) {
		ttl, err = k.stream.renew(k.id)
		return err
	})
	return ttl, err
}

func (k *keeper) open(ctx context.Context) error {
	ctx, k.endStream = context.WithCancel(ctx)
	return k.timed(func() (err error) {
		k.stream, err = k.etcd.keepAlive(ctx)
		return err
	})
}

// timed calls do, which uses the stream, and ends the stream if that fails or
// takes too long.
func (k *keeper) timed(do func() error) error {
	late := time.AfterFunc(patience(k.ttl), k.endStream)
	err := do()
	if !late.Stop() {
		err = context.DeadlineExceeded
	}
	if err != nil {
		k.hangUp()
	}
	return err
}

// hangUp ends the stream.
func (k *keeper) hangUp() {
	if k.endStream != nil {
		k.endStream()
	}
	k.stream, k.endStream = nil, nil
}

// tell leaves what a keepalive has come to for the session, in place of what it
// has not taken yet: a session that waits for etcd doesn't hold up keepalives.
func (k *keeper) tell(b beat) {
	select {
	case <-k.beat:
	default:
	}
	k.beat <- b
}
