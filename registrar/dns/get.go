package dns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// firstWait is how long after the first question for a service its answer is waited for.
const firstWait = time.Second

var errNoAnswer = errors.New("no answer yet")

// get implements registrar.Registry.GetService, and says how long it waited.
func (c *cache) get(ctx context.Context, name string) (service *registrar.Service, waited time.Duration, err error) {
	e, err := c.entry(name)
	if err != nil {
		return nil, 0, err
	}
	s := e.state.Load()
	if !s.known() {
		start := time.Now()
		s, err = c.await(ctx, e)
		waited = time.Since(start)
	}
	switch {
	case err != nil:
		return nil, waited, fmt.Errorf("registrar: getting %q: %w", name, err)
	case s.service == nil:
		return nil, waited, fmt.Errorf("registrar: getting %q: %w", name, s.err)
	case len(s.service.Instances) == 0:
		return nil, waited, e.notFound
	default:
		return s.service, waited, nil
	}
}

// await waits until a lookup of the name has ended, until firstWait after the first
// question for it. An error says what ended the wait.
func (c *cache) await(ctx context.Context, e *entry) (*state, error) {
	s := e.state.Load()
	if s.known() {
		return s, nil
	}
	timeout := time.NewTimer(time.Until(e.started.Add(firstWait)))
	defer timeout.Stop()
	select {
	case <-s.next:
		return e.state.Load(), nil
	case <-timeout.C:
		return s, fmt.Errorf("%w: %w", registrar.ErrUnavailable, errNoAnswer)
	case <-ctx.Done():
		if c.inContact() {
			return s, ctx.Err()
		}
		return s, fmt.Errorf("%w: %w", registrar.ErrUnavailable, ctx.Err())
	case <-c.closed.Done():
		return s, registrar.ErrClosed
	}
}
