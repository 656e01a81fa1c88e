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
// needs one. A renewal that has ended says little: a change of leader ends it
// too, so that the lease is asked for before it is given up.
func (s *session) holdLease(ctx context.Context) error {
	if s.lease != 0 && s.beats == nil {
		if err := s.checkLease(ctx); err != nil {
			return err
		}
	}
	if s.lease == 0 && s.needsLease() {
		if err := s.grantLease(ctx); err != nil {
			return err
		}
	}
	if s.lease != 0 && s.beats == nil {
		return s.renew(ctx)
	}
	return nil
}

func (s *session) checkLease(ctx context.Context) error {
	var alive bool
	err := s.do(ctx, func(ctx context.Context) (err error) {
		alive, err = s.etcd.alive(ctx, s.lease)
		return err
	})
	if err == nil && !alive {
		s.loseLease()
	}
	return err
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
	return nil
}

// renew starts keepalives. They go on until the session's life ends, so that
// the lease lives through Close.
func (s *session) renew(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context) error {
		// Reaching the client can block; the renewal itself must outlive ctx.
		life, cancel := context.WithCancel(s.life)
		stop := context.AfterFunc(ctx, cancel)
		beats, err := s.etcd.keepAlive(life, s.lease)
		if err != nil || !stop() {
			cancel()
			return errors.Join(err, ctx.Err())
		}
		s.beats, s.endBeats = beats, cancel
		s.silence.Reset(s.maxSilence())
		return nil
	})
}

// maxSilence is how long keepalives can go unanswered before contact counts as
// lost: they are sent every third of the TTL.
func (s *session) maxSilence() time.Duration { return max(s.leaseTTL*2/3, minSilence) }

// beat takes the answer to a keepalive, or the end of them.
func (s *session) beat(ok bool) {
	if !ok {
		s.endRenewal()
		return
	}
	s.silence.Reset(s.maxSilence())
	s.contact()
}

// endRenewal stops keepalives; the lease itself may live.
func (s *session) endRenewal() {
	if s.beats != nil {
		s.endBeats()
		s.beats, s.endBeats = nil, nil
	}
	s.silence.Stop()
}

// loseLease notes that the lease is gone, and its keys with it.
func (s *session) loseLease() {
	s.endRenewal()
	s.lease = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspect = true // etcd can have lost more than the lease
	lost := 0
	for _, w := range s.wishes {
		if w.remove || w.static || w.state != registrar.StateRegistered {
			continue
		}
		lost++
		w.dirty, w.tried = true, false
		w.set(registrar.StatePending, nil)
	}
	s.log.Warn("registrar: the lease has run out, registering again under a new one", "instances", lost)
	s.broadcast()
}
