package etcd

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

// Timing of the writing side.
const (
	// writeWait is how long Register and Unregister wait for their write.
	writeWait = time.Second
	// closeTimeout bounds Close. farewellTimeout is what it leaves for etcd;
	// the rest is for goroutines to end.
	closeTimeout    = 2 * time.Second
	farewellTimeout = 1800 * time.Millisecond
	// opTimeout bounds one request: as long as an election of etcd takes, with
	// its default time-outs, and a reconnect.
	opTimeout = 3 * time.Second
	// retryBase and retryLimit bound the pause before the next try.
	retryBase  = 100 * time.Millisecond
	retryLimit = 2 * time.Second
	// minSilence keeps the time after which an unanswered keepalive counts as
	// lost contact above what a reconnect takes, for short leases.
	minSilence = 1500 * time.Millisecond
	// auditEvery is how often all keys are read, about: for what a watch doesn't
	// tell, such as an etcd that was restored to an older revision.
	auditEvery = 5 * time.Minute
	// healEvery is how often a key is put back at once; beyond it waits for
	// the next round, so that two programs don't fight over a key at full
	// speed.
	healEvery = time.Second
)

var errSilent = errors.New("keepalives of the lease are not answered")

// session keeps a client's wishes true in etcd. One goroutine writes and owns
// the lease, one more for each key watches it, and one the connection.
type session struct {
	etcd   backend
	log    *slog.Logger
	prefix string
	ttl    time.Duration
	leave  bool // Close leaves what is registered

	wake chan struct{} // there is something to write
	wg   sync.WaitGroup
	// keeping is for keepalives, which go on while Close talks to etcd.
	keeping sync.WaitGroup
	// life ends with Close. running ends before it, so that Close itself can
	// still talk to etcd.
	life, running       context.Context
	endLife, endRunning context.CancelFunc

	mu      sync.Mutex
	wishes  map[string]*wish // by key
	own     map[clientv3.LeaseID]bool
	pasts   map[string]*past // by key
	pruneAt time.Time        // when to look for pasts to forget, at the earliest
	changed chan struct{}    // closed, and replaced, with each change
	started bool
	closed  bool
	away    error     // why etcd is known to give no answer; nil if it is not
	slow    bool      // a write has taken longer than writeWait
	lostAt  time.Time // when away was set
	resume  time.Time // when to write again after an outage
	suspect bool      // watches can have missed something: read all keys
	answers bool      // etcd has answered once
	reach   mark      // how far etcd is known to be

	unrenewed error // what the last keepalive met; nil if it was answered

	// Of the writing goroutine:
	lease    clientv3.LeaseID
	leaseTTL time.Duration
	beats    <-chan beat // nil while the lease is not renewed
	endBeats context.CancelFunc
	silence  *time.Timer
	pause    *backoff.Backoff
}

func newSession(ctx context.Context, etcd backend, o *registrar.Options, leave bool) *session {
	s := &session{
		etcd: etcd, log: o.Logger, prefix: o.Prefix, ttl: o.LeaseTTL, leave: leave,
		wake:    make(chan struct{}, 1),
		wishes:  map[string]*wish{},
		own:     map[clientv3.LeaseID]bool{},
		pasts:   map[string]*past{},
		changed: make(chan struct{}),
		pause:   backoff.New(retryBase, retryLimit),
	}
	s.life, s.endLife = context.WithCancel(context.WithoutCancel(ctx))
	s.running, s.endRunning = context.WithCancel(s.life)
	return s
}

// run writes what is to be written until the session closes.
func (s *session) run() {
	ctx := s.running
	s.silence = newStoppedTimer()
	defer s.silence.Stop()
	retry := newStoppedTimer()
	defer retry.Stop()
	audit := time.NewTimer(jittered(auditEvery))
	defer audit.Stop()
	armed, due := false, true
	for ctx.Err() == nil {
		// While etcd is away new wishes don't hasten the next try.
		again := true
		if held := s.heldFor(); held > 0 {
			armed = true
			retry.Reset(held)
		} else if due || !s.isAway() {
			due = false
			again = s.converge(ctx) || s.isAway()
		}
		if !again {
			s.pause.Reset()
		} else if !armed {
			armed = true
			retry.Reset(s.pause.Next())
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-retry.C:
			armed, due = false, true
			s.tryAgain()
		case b := <-s.beats:
			s.beat(b)
		case <-s.silence.C:
			s.silent()
		case <-audit.C:
			audit.Reset(jittered(auditEvery))
			s.distrust()
		}
	}
}

// jittered returns a random time between half of d and all of it, so that many
// processes don't do the same thing at the same time.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

func newStoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// converge makes etcd as wished as far as that goes now. It reports whether
// something is left for the next round.
func (s *session) converge(ctx context.Context) (again bool) {
	if s.audit(ctx) != nil || s.heldFor() > 0 {
		return true
	}
	if err := s.remove(ctx); (err != nil && away(err)) || s.heldFor() > 0 {
		return true
	}
	// A lease that is gone shows itself in the first write; the second goes
	// under a new one.
	for range 2 {
		if err := s.holdLease(ctx); err != nil {
			s.refuse(err)
			return true
		}
		if s.put(ctx) == nil {
			break
		}
		if s.lease != 0 && s.beats != nil {
			break
		}
	}
	return s.unfinished()
}

// unfinished reports whether a wish waits for the next round.
func (s *session) unfinished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wishes {
		if w.dirty {
			return true
		}
	}
	return false
}

// tryAgain starts the next round for all wishes that failed.
func (s *session) tryAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wishes {
		w.tried = false
	}
}

// errorOf returns what stands in the way of a wish. The caller holds the mutex.
func (s *session) errorOf(w *wish) error {
	switch {
	case s.away == nil:
		return w.err
	case w.err == nil || errors.Is(w.err, registrar.ErrUnavailable):
		return s.away
	default:
		return errors.Join(w.err, s.away)
	}
}

// broadcast wakes those who wait for a change. The caller holds the mutex.
func (s *session) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// nudge wakes the writing goroutine.
func (s *session) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// apply is do for edits. Where it returns an answer, be it a refusal, the caller
// passes the jobs on to answered.
func (s *session) apply(ctx context.Context, jobs []*job) (revision int64, outcomes []outcome, err error) {
	before := s.mark()
	s.sending(jobs)
	edits := make([]edit, len(jobs))
	for i, j := range jobs {
		edits[i] = j.edit
	}
	err = s.do(ctx, func(ctx context.Context) error {
		revision, outcomes, err = s.etcd.apply(ctx, edits)
		return err
	})
	if err == nil {
		s.reached(before, revision)
	}
	return revision, outcomes, err
}
