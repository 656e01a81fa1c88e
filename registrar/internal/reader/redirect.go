package reader

import (
	"context"
	"errors"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

// settled is what an answer can be made from.
type settled struct {
	generation *services.Generation // has all that the answer depends on
	live       bool                 // so is all of it
}

// redirected returns the services that can answer to a name by a policy; nil if there
// are none, or one of them isn't followed any more.
func (s *subject) redirected() *redirect {
	d := s.redirect.Load()
	if s.Selector.AnyStatus || d.dropped() {
		return nil
	}
	return d
}

// settle waits until it is known who answers to a name, whose own service is known.
func (w *waiter) settle(ctx context.Context, name *subject) (settled, error) {
	if name.Selector.AnyStatus {
		return settled{w.replica.Load(), true}, nil // by the service itself
	}
	for {
		s, err := w.settleOnce(ctx, name.service)
		if err != nil || !name.redirect.Load().dropped() {
			return s, err
		}
		// A sweep dropped one meanwhile: what the replica lacks says nothing.
	}
}

// settleOnce asks the services of a policy one after the other until one answers.
// Those behind it are followed too, so that they are known when they take over.
func (w *waiter) settleOnce(ctx context.Context, svc *service) (settled, error) {
	s := settled{w.replica.Load(), true}
	own := s.generation.Service(svc.name.Namespace, svc.name.Name)
	if own == nil || !own.Policy().Redirects() {
		svc.redirect.Store(nil)
		return s, nil
	}
	others, err := w.redirect(svc, own.Policy())
	if err != nil || own.Policy().Alias.IsZero() && own.Answers() {
		return s, err
	}
	var refused error
	for _, other := range others {
		live, err := w.await(ctx, other)
		switch {
		case errors.Is(err, registrar.ErrPermission):
			refused = errors.Join(refused, other.explain(err))
			continue // as if it had no instance
		case err != nil:
			return s, other.explain(err)
		}
		s = settled{w.replica.Load(), s.live && live}
		if s.generation.Service(other.name.Namespace, other.name.Name).Answers() {
			return s, nil
		}
	}
	return s, refused
}

// redirect returns the services of a policy, which are followed.
func (w *waiter) redirect(svc *service, policy *catalog.Policy) ([]*service, error) {
	d := svc.redirect.Load()
	if d == nil || d.policy != policy || d.dropped() {
		svc.redirect.Store(nil)
		var err error
		if d, err = w.subscribeAll(policy); err != nil {
			return nil, err
		}
		svc.redirect.Store(d)
	}
	for _, other := range d.others {
		other.ask()
	}
	return d.others, nil
}

// subscribeAll has the services of a policy followed.
func (s *subscriptions) subscribeAll(policy *catalog.Policy) (*redirect, error) {
	names := policy.Failover
	if !policy.Alias.IsZero() {
		names = append([]catalog.ServiceName{policy.Alias}, names...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Err() != nil {
		return nil, registrar.ErrClosed
	}
	d := &redirect{policy: policy}
	for _, name := range names {
		other, err := s.subscribe(name)
		if err != nil {
			return nil, err
		}
		d.others = append(d.others, other)
	}
	return d, nil
}
