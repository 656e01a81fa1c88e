package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// revokeTime is what Close keeps of its time for the revocation: that is one
// request, while removing key by key takes many where there are many instances.
const revokeTime = 500 * time.Millisecond

// close stops writing, takes out the instances with a lease, revokes the lease,
// and waits for all goroutines. The deadline is for what is said to etcd.
func (s *session) close(deadline time.Time) error {
	s.mu.Lock()
	s.closed = true
	started := s.started
	s.broadcast()
	s.mu.Unlock()
	s.endRunning()
	s.wg.Wait()
	var err error
	if started {
		ctx, cancel := context.WithDeadline(s.life, deadline)
		err = s.farewell(ctx, deadline)
		cancel()
	}
	s.endLife()
	s.etcd.endWatches()
	s.keeping.Wait()
	s.wg.Wait() // for what the farewell has started
	return err
}

// farewell is the part of close that talks to etcd. Once the lease is revoked
// all keys under it are gone, whatever failed before.
func (s *session) farewell(ctx context.Context, deadline time.Time) error {
	s.mu.Lock()
	for _, w := range s.wishes {
		w.tried = false
		if !w.static && !s.leave {
			s.dismiss(w)
		}
	}
	s.mu.Unlock()
	if s.lease == 0 || s.leave {
		return s.removeAll(ctx)
	}
	early, cancel := context.WithDeadline(ctx, deadline.Add(-revokeTime))
	err := s.removeAll(early)
	cancel()
	revoked := s.revoke(ctx)
	switch {
	case err == nil, revoked == nil && !s.leavingOthers():
		return nil // unregistered, or deleted with the lease
	case revoked == nil:
		s.tryAgain()
		if err = s.removeAll(ctx); err == nil {
			return nil
		}
	}
	return fmt.Errorf("registrar: closing: instances may be served until their lease of %v runs out: %w", s.leaseTTL, err)
}

// revoke ends the lease, trying again for as long as ctx lets it while etcd
// gives no answer.
func (s *session) revoke(ctx context.Context) error {
	pause := backoff.New(retryBase, retryLimit)
	for {
		err := s.etcd.revoke(ctx, s.lease)
		if err == nil || !away(err) || pause.Wait(ctx) != nil {
			return err
		}
	}
}

// removeAll takes out what is to go, trying again for as long as ctx lets it.
func (s *session) removeAll(ctx context.Context) error {
	pause := backoff.New(retryBase, retryLimit)
	for {
		err := s.remove(ctx)
		left := s.leaving()
		if left == 0 {
			return nil
		}
		if err != nil && denied(err) {
			return classify(err)
		}
		if pause.Wait(ctx) != nil {
			return errors.Join(classify(err), fmt.Errorf("instances left: %d: %w", left, ctx.Err()))
		}
		s.tryAgain()
	}
}

// leaving counts the instances that are still to go.
func (s *session) leaving() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wishes {
		if w.remove {
			n++
		}
	}
	return n
}

// leavingOthers reports whether an instance is still to go that doesn't hang on
// the lease.
func (s *session) leavingOthers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wishes {
		if w.remove && (w.force || w.wasStatic) {
			return true
		}
	}
	return false
}
