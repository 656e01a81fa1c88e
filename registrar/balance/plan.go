package balance

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// plan is how requests are distributed over the instances of a service, as long as
// neither they nor the health of any of them changes. It doesn't change itself.
type plan struct {
	service   *registrar.Service // nil where there is none
	changes   uint64             // of health that it knows of
	until     time.Duration      // when the first avoided instance is to be used again
	endpoints map[string]*endpoint
	tiers     []tier // from best to worst; the last ones are those of avoided instances
}

// current reports whether the plan is one for the service as of now.
func (p *plan) current(service *registrar.Service, shared *shared, now time.Duration) bool {
	return p.service == service && p.changes == shared.changes.Load() && now < p.until
}

// pick picks an instance; nil if all there are are excluded.
func (p *plan) pick(c choice, exclude []string) *target {
	for i := range p.tiers {
		if len(exclude) == 0 {
			return p.tiers[i].pick(c)
		}
		if chosen := p.tiers[i].pickExcept(c, exclude); chosen != nil {
			return chosen
		}
	}
	return nil
}

// newPlan returns a plan for a service, which can be nil. It takes over the endpoints of
// an earlier one.
func newPlan(cfg *config, shared *shared, service *registrar.Service, before *plan, now time.Duration) *plan {
	p := &plan{service: service, changes: shared.changes.Load(), until: never, endpoints: map[string]*endpoint{}}
	if service == nil {
		return p
	}
	var targets []target
	for i := range service.Instances {
		in := &service.Instances[i]
		addr, ok := cfg.addr(in)
		if !ok {
			continue
		}
		key := in.ID + "@" + addr
		e := before.endpoints[key]
		if e == nil {
			e = newEndpoint(cfg, shared, in, addr)
		}
		p.endpoints[key] = e
		targets = append(targets, newTarget(cfg, e, in, addr))
	}
	usable, avoided := p.avoid(targets, now)
	p.tiers = append(tiers(usable, cfg.locality), tiers(avoided, cfg.locality)...)
	return p
}

// never is a time that doesn't come.
const never = time.Duration(1<<63 - 1)

func newEndpoint(cfg *config, shared *shared, in *registrar.Instance, addr string) *endpoint {
	e := &endpoint{shared: shared}
	if cfg.open != nil {
		e.pool = cfg.open(in, addr)
	}
	return e
}

func newTarget(cfg *config, e *endpoint, in *registrar.Instance, addr string) target {
	t := target{endpoint: e, instance: in, addr: addr, weight: float64(in.Weight)}
	if t.weight == 0 {
		t.weight = catalog.DefaultWeight
	}
	if cfg.locality != "" {
		t.locality = in.Locality
	}
	return t
}

// avoid divides targets into those to use and those to avoid: half of them at most,
// of which the ones that have failed most often.
func (p *plan) avoid(targets []target, now time.Duration) (usable, avoided []target) {
	for _, t := range targets {
		if t.health.avoided(now) {
			avoided = append(avoided, t)
			p.until = min(p.until, time.Duration(t.health.until.Load()))
		} else {
			usable = append(usable, t)
		}
	}
	if most := len(targets) / 2; len(avoided) > most {
		slices.SortStableFunc(avoided, func(a, b target) int {
			return -cmp.Compare(a.health.failures.Load(), b.health.failures.Load())
		})
		usable = append(usable, avoided[most:]...)
		avoided = avoided[:most]
	}
	return usable, avoided
}

// tiers divides targets by priority.
func tiers(targets []target, locality string) []tier {
	slices.SortStableFunc(targets, func(a, b target) int { return cmp.Compare(a.instance.Priority, b.instance.Priority) })
	var list []tier
	for first, end := 0, 0; first < len(targets); first = end {
		for end < len(targets) && targets[end].instance.Priority == targets[first].instance.Priority {
			end++
		}
		list = append(list, newTier(targets[first:end:end], locality))
	}
	return list
}

// closePools closes the pools of endpoints that another plan lacks.
func (p *plan) closePools(without map[string]*endpoint) error {
	var errs []error
	for key, e := range p.endpoints {
		if e.pool != nil && without[key] != e {
			errs = append(errs, e.pool.Close())
		}
	}
	return errors.Join(errs...)
}
