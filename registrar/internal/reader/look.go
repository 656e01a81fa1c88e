package reader

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/registrar"
)

// look returns the set of instances that a name means from the replica, once that has
// what is asked for, and whether it is live.
func (w *waiter) look(ctx context.Context, s *subject) (service *registrar.Service, live bool, err error) {
	s.ask()
	s.service.ask()
	live, err = w.await(ctx, s.service)
	var from settled
	if err == nil {
		from, err = w.settle(ctx, s)
	}
	if err != nil {
		return nil, false, fmt.Errorf("registrar: getting %q: %w", s.text, err)
	}
	live = live && from.live && (w.fault == nil || w.fault.Err() == nil)
	a := s.answer(from.generation, !live)
	if live {
		s.repeat(a)
	}
	return a.service, live, nil
}
