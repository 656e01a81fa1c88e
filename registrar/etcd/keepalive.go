package etcd

import (
	"context"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// beatsPerTTL is how many keepalives a lease gets in its TTL: two can be
	// lost without harm.
	beatsPerTTL = 3
	// beatSpread is by which part of itself the pause between two keepalives is
	// shortened, at random. Processes that started, or lost etcd, at the same
	// time have lost step after a few.
	beatSpread = 5
	// minPatience keeps the time for an answer above what an etcd takes that is
	// busy; a stream that is given up costs it more than one that waits.
	minPatience = time.Second
)

// beat is what the writing goroutine is told of a keepalive.
type beat struct {
	gone bool  // there is no such lease any more; it is the last beat
	err  error // nil if etcd has renewed the lease
}

// pulse renews one lease until its context is done or the lease is gone. It has
// one goroutine, which sleeps but for three keepalives in a TTL, and one stream,
// opened with the first of them: logging in for each keepalive anew would cost
// etcd a password hash each time. A stream that has broken is opened again when
// the next keepalive is due, so that processes which lost the same server don't
// all come back at the moment that it is there.
type pulse struct {
	etcd  backend
	id    clientv3.LeaseID
	ttl   time.Duration
	beats chan beat // holds the latest one; the reader can be busy for long

	renew renewal
	end   context.CancelFunc // of the stream; nil while there is none
}

func newPulse(etcd backend, id clientv3.LeaseID, ttl time.Duration) *pulse {
	return &pulse{etcd: etcd, id: id, ttl: ttl, beats: make(chan beat, 1)}
}

// run renews the lease until ctx is done or the lease is gone.
func (p *pulse) run(ctx context.Context) {
	defer p.drop()
	failed := backoff.New(retryBase, retryLimit)
	// The first one is due at a random moment, so that a thousand processes that
	// were started together are out of step from the beginning.
	pause := rand.N(p.every())
	for backoff.Sleep(ctx, pause) == nil {
		ttl, err := p.beat(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.drop()
			p.tell(beat{err: err})
			pause = min(failed.Next(), p.every())
			continue
		case ttl <= 0:
			p.tell(beat{gone: true})
			return
		}
		p.ttl = ttl
		failed.Reset()
		p.tell(beat{})
		pause = p.every() - rand.N(p.every()/beatSpread)
	}
}

// every is the longest pause between two keepalives.
func (p *pulse) every() time.Duration { return p.ttl / beatsPerTTL }

// patience is how long a keepalive can take, the opening of its stream and a
// log-in included: at most until the next one is due.
func (p *pulse) patience() time.Duration { return min(max(p.every(), minPatience), opTimeout) }

// beat renews the lease once, and returns its TTL; 0 if it is gone.
func (p *pulse) beat(ctx context.Context) (ttl time.Duration, err error) {
	timed, cancel := context.WithTimeout(ctx, p.patience())
	defer cancel()
	if p.end == nil {
		// The stream outlives this beat unless that fails.
		life, end := context.WithCancel(ctx)
		p.end = end
		defer context.AfterFunc(timed, end)()
		if p.renew, err = p.etcd.keepalives(life); err != nil {
			return 0, orDeadline(timed, err)
		}
	} else {
		defer context.AfterFunc(timed, p.end)()
	}
	ttl, err = p.renew(p.id)
	return ttl, orDeadline(timed, err)
}

// orDeadline returns err, or that of ctx where it has caused it.
func orDeadline(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// drop ends the stream, if there is one.
func (p *pulse) drop() {
	if p.end != nil {
		p.end()
		p.renew, p.end = nil, nil
	}
}

// tell leaves the latest beat for the writing goroutine.
func (p *pulse) tell(b beat) {
	select {
	case <-p.beats: // one that nobody has read yet
	default:
	}
	p.beats <- b // there is room: nobody else writes
}
