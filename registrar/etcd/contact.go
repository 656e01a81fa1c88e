package etcd

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

func (s *session) isAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away != nil
}

// hold has the session write nothing for a random while. It is for the first
// answer after an outage, which can come to all processes at once: an etcd that
// was stopped has kept their requests. The caller holds the mutex.
func (s *session) hold() { s.resume = time.Now().Add(rand.N(spread(s.ttl))) }

// heldFor returns for how long nothing is to be written.
func (s *session) heldFor() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.resume)
}

// contact notes that etcd has answered.
func (s *session) contact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = false
	if !s.answers {
		s.answers = true
		s.wg.Go(func() { s.etcd.reconnects(s.running, s.reconnected) })
	}
	if s.away == nil {
		return
	}
	s.away, s.suspect = nil, true
	s.hold()
	s.nudge()
	s.log.Info("registrar: back in contact with etcd", "away", time.Since(s.lostAt).Round(time.Millisecond).String())
	s.broadcast()
}

// reconnected has all keys read, after a while that differs from process to
// process. It is no longer than the pause before a next try.
func (s *session) reconnected() {
	if backoff.Sleep(s.running, rand.N(min(spread(s.ttl), retryLimit))) == nil {
		s.distrust()
		s.nudge()
	}
}

// lost notes that etcd gives no answer.
func (s *session) lost(err error) {
	if s.running.Err() != nil {
		return // it is the client that goes
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away == nil {
		s.lostAt = time.Now()
		s.log.Warn("registrar: no contact with etcd, trying again for as long as it takes", "error", err)
	}
	s.away = classify(err)
	for _, w := range s.wishes {
		w.tried = w.dirty
	}
	s.broadcast()
}

// do calls etcd with a time-out and notes whether it is there. An error for
// want of an answer says why there is no connection.
func (s *session) do(ctx context.Context, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	err := call(ctx)
	if err != nil && away(err) {
		err = explain(err, s.etcd.trouble())
		s.lost(err)
	} else {
		s.contact()
	}
	return err
}
