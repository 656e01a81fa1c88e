package balance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Finder finds services. A *registrar.Client is one.
type Finder interface {
	// GetService is that of registrar.Registry: it returns the same pointer until the
	// service changes.
	GetService(ctx context.Context, name string) (*registrar.Service, error)
}

// Balancer picks instances of a service. It is safe for concurrent use, has no goroutine,
// and takes no lock while the service and the health of its instances stay the same.
type Balancer struct {
	finder Finder
	name   string
	cfg    config
	random func() float64 // in [0,1)
	shared *shared

	plan   atomic.Pointer[plan]
	mu     sync.Mutex // of changes to plan
	closed bool
}

// New returns a Balancer for the service of a name, which can have selectors as in
// registrar.ParseName. It does nothing until the first Pick; a name that is invalid shows
// itself there.
func New(finder Finder, name string, opts ...Option) *Balancer {
	b := &Balancer{finder: finder, name: name, random: rand.Float64, shared: &shared{start: time.Now()}}
	b.cfg.ports, b.cfg.protocol = []string{""}, catalog.ProtocolTCP
	for _, opt := range opts {
		opt(&b.cfg)
	}
	b.plan.Store(&plan{})
	return b
}

// Pick picks an instance for a request; Done of what it returns must be called when the
// request has ended. Instances with the excluded IDs are left out, for another try of a
// request that has failed on them.
//
// It waits as GetService does, which is for the first call at most. Errors are those of
// GetService, such as registrar.ErrNotFound and registrar.ErrUnavailable;
// registrar.ErrNotFound also where no instance has the port or all are excluded, and
// registrar.ErrClosed after Close.
func (b *Balancer) Pick(ctx context.Context, exclude ...string) (Picked, error) {
	service, err := b.finder.GetService(ctx, b.name)
	if err != nil && !errors.Is(err, registrar.ErrNotFound) {
		return Picked{}, err
	}
	now := b.shared.now()
	p := b.plan.Load()
	if !p.current(service, b.shared, now) {
		p, err = b.renew(ctx, now)
	}
	if err != nil {
		return Picked{}, err
	}
	t := p.pick(choice{b.random, b.cfg.policy, now}, exclude)
	if t == nil {
		return Picked{}, b.nobody(p)
	}
	t.inFlight.Add(1)
	return Picked{t.instance, t.addr, t.pool, t.endpoint, now, t.health.failures.Load()}, nil
}

// nobody returns why a plan has nobody to pick.
func (b *Balancer) nobody(p *plan) error {
	switch {
	case len(p.tiers) == 0 && slices.Contains(b.cfg.ports, ""):
		return fmt.Errorf("balance: service %q has no instance with a %s port: %w", b.name, b.cfg.protocol, registrar.ErrNotFound)
	case len(p.tiers) == 0:
		return fmt.Errorf("balance: service %q has no instance with a %s port of the names %q: %w", b.name, b.cfg.protocol, b.cfg.ports, registrar.ErrNotFound)
	}
	return fmt.Errorf("balance: service %q has no instance but the excluded ones: %w", b.name, registrar.ErrNotFound)
}

// Close closes what WithPool has opened. It returns their errors, joined. Further calls
// do nothing.
func (b *Balancer) Close() error {
	b.mu.Lock()
	b.closed = true
	last := b.plan.Swap(&plan{})
	b.mu.Unlock()
	return last.closePools(nil)
}

// renew returns a plan that is current. The error is that of GetService.
func (b *Balancer) renew(ctx context.Context, now time.Duration) (*plan, error) {
	before, p, err := b.replace(ctx, now)
	if before != p {
		_ = before.closePools(p.endpoints) // nobody can do anything about an error
	}
	return p, err
}

// replace has the plan replaced unless that has happened meanwhile, and returns the plan
// before and the one after.
func (b *Balancer) replace(ctx context.Context, now time.Duration) (before, p *plan, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before = b.plan.Load()
	if b.closed {
		return before, before, registrar.ErrClosed
	}
	// Asked once more, as the caller's answer can be older than the present plan.
	service, err := b.finder.GetService(ctx, b.name)
	if err != nil && !errors.Is(err, registrar.ErrNotFound) {
		return before, before, err
	}
	if before.current(service, b.shared, now) {
		return before, before, err
	}
	p = newPlan(&b.cfg, b.shared, service, before, now)
	b.plan.Store(p)
	return before, p, err
}
