package etcd

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
)

var errLeaseZero = errors.New("etcd granted a lease with the ID 0, under which keys would never expire")

// holdLease makes sure that there is a lease and that it is renewed, if a wish
// needs one.
func (s *session) holdLease(ctx context.Context) error {
	if s.lease != 0 && s.beats == nil {
		if err := s.checkLease(ctx); err != nil {
			return err
		}
	}
	if s.lease == 0 && s.needsLease() {
		return s.grantLease(ctx)
	}
	return nil
}

// checkLease finds out what has become of a lease that a write was refused for.
func (s *session) checkLease(ctx context.Context) error {
	var alive bool
	err := s.do(ctx, func(ctx context.Context) (err error) {
		alive, err = s.etcd.alive(ctx, s.lease)
		return err
	})
	switch {
	case err != nil:
		return err
	case alive:
		s.startKeeper(0)
	default:
		s.leaseGone()
	}
	return nil
}

// needsLease reports whether an instance with a lease is to be written.
func (s *session) needsLease() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wishes {
		if w.dirty && !w.tried && !w.remove && !w.static {
			return true
		}
	}
	return false
}

func (s *session) grantLease(ctx context.Context) error {
	var id clientv3.LeaseID
	var ttl time.Duration
	err := s.do(ctx, func(ctx context.Context) (err error) {
		id, ttl, err = s.etcd.grant(ctx, s.ttl)
		return err
	})
	if err != nil {
		return err
	}
	if id == 0 {
		return errLeaseZero
	}
	s.lease, s.leaseTTL = id, ttl
	s.mu.Lock()
	s.own[id] = true
	s.mu.Unlock()
	s.startKeeper(jittered(s.leaseTTL / 3))
	return nil
}

// startKeeper has the lease kept alive, by keepalives that start after a pause.
// They go on until the session's life ends, so that the lease lives through
// Close.
func (s *session) startKeeper(first time.Duration) {
	life, cancel := context.WithCancel(s.life)
	k := newKeeper(s.etcd, s.lease, s.leaseTTL, s.notRenewed)
	s.beats, s.endBeats = k.beat, cancel
	s.silence.Reset(s.maxSilence())
	s.keeping.Go(func() { k.run(life, first) })
}

// notRenewed notes why a keepalive came to nothing.
func (s *session) notRenewed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unrenewed = err
}

// silent notes that keepalives came to nothing for maxSilence. Where none has
// failed, it is this process that was stopped: the next one tells.
func (s *session) silent() {
	s.mu.Lock()
	why := s.unrenewed
	s.mu.Unlock()
	if why == nil {
		s.silence.Reset(patience(s.leaseTTL))
		return
	}
	if trouble := s.etcd.trouble(); trouble != nil {
		why = trouble // of which the other is a consequence
	}
	s.lost(explain(errSilent, why))
}

// maxSilence is how long keepalives can go unanswered before contact counts as
// lost: one is due every third of the TTL.
func (s *session) maxSilence() time.Duration { return max(s.leaseTTL*2/3, minSilence) }

// beat takes what a keepalive has come to.
func (s *session) beat(b beat) {
	s.mu.Lock()
	if s.unrenewed != nil && b != beatRenewed {
		s.hold() // others have lost their leases too
	}
	s.unrenewed = nil
	s.mu.Unlock()
	s.contact()
	switch b {
	case beatRenewed:
		s.silence.Reset(s.maxSilence())
	case beatGone:
		s.leaseGone()
	case beatDenied:
		// One key that the user may not write denies the whole lease. The
		// others live on under another.
		s.log.Warn("registrar: etcd refuses to renew the lease, registering again under a new one", "instances", s.loseLease())
	}
}

// endRenewal stops keepalives; the lease itself may live.
func (s *session) endRenewal() {
	if s.beats != nil {
		s.endBeats()
		s.beats, s.endBeats = nil, nil
	}
	s.silence.Stop()
}

// leaseGone notes that etcd has no such lease any more.
func (s *session) leaseGone() {
	s.log.Warn("registrar: the lease has run out, registering again under a new one", "instances", s.loseLease())
}

// loseLease gives up the lease, and returns how many instances are to be written
// again for it.
func (s *session) loseLease() (lost int) {
	s.endRenewal()
	s.lease = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspect = true // etcd can have lost more than the lease
	for _, w := range s.wishes {
		if w.remove || w.static || w.state != registrar.StateRegistered {
			continue
		}
		lost++
		w.dirty, w.tried = true, false
		w.set(registrar.StatePending, nil)
	}
	s.broadcast()
	return lost
}
