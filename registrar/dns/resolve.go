package dns

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

const (
	// atOnce is how many questions of a lookup are under way at once: enough to hide the
	// way to the server, few enough for its limit of one client.
	atOnce = 8
	// maxKinds bounds the names of ports that are asked for: as many as one instance has.
	maxKinds = catalog.MaxPorts
	// maxSingly bounds the questions about the ports of single instances. Instances
	// beyond it have ports without names.
	maxSingly = 64
)

// resolver looks services up.
type resolver struct {
	ask      func(ctx context.Context, name string, qtype uint16) (answer, error)
	zone     string
	metadata bool // is asked for too
}

// found is the result of a lookup.
type found struct {
	instances []registrar.Instance
	ttl       time.Duration
	stale     bool // by what the server says
}

// lookup is a lookup under way.
type lookup struct {
	*resolver
	query query
	kinds []catalog.PortName // the ports of the answering service that have names

	mu  sync.Mutex
	set *set
	found
	addresses map[string][]netip.Addr
}

// resolve looks a service up. An error is that of the first question that got no answer:
// half a set is none.
func (r *resolver) resolve(ctx context.Context, q query) (found, error) {
	l := &lookup{resolver: r, query: q, found: found{ttl: longestTTL}, addresses: map[string][]netip.Addr{}}
	if err := l.askMembers(ctx); err != nil {
		return found{}, err
	}
	steps := []func(context.Context) error{l.askKinds, l.askPorts, l.askSingly, l.askAddresses}
	if r.metadata {
		steps = append(steps, l.askMetadata)
	}
	for _, step := range steps {
		if len(l.set.members) == 0 {
			break
		}
		if err := step(ctx); err != nil {
			return found{}, err
		}
	}
	l.instances = l.set.instances()
	return l.found, nil
}

// question asks DNS, and notes what concerns the lookup as a whole.
func (l *lookup) question(ctx context.Context, name string, qtype uint16) (answer, error) {
	a, err := l.ask(ctx, name, qtype)
	if err != nil {
		return answer{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ttl = min(l.ttl, a.ttl)
	l.stale = l.stale || a.stale
	for name, addresses := range a.addresses {
		if l.addresses[name] == nil {
			l.addresses[name] = addresses
		}
	}
	return a, nil
}

// askMembers asks who is in the set. The other questions only add to what is known of
// these, so that the set is that of one answer.
func (l *lookup) askMembers(ctx context.Context) error {
	a, err := l.question(ctx, l.query.owner, dns.TypeSRV)
	if err != nil {
		return err
	}
	l.set = newSet(a.records, l.query.service, l.zone)
	if len(l.set.members) == 0 && a.alias != "" {
		l.set.alias = l.set.add(a.alias)
	}
	return nil
}

// askKinds asks for the names of ports, of the service that answers. Names of an alias
// list its own.
func (l *lookup) askKinds(ctx context.Context) error {
	service, ok := l.set.answering(l.query.service)
	if !ok {
		service = l.query.service
	}
	a, err := l.question(ctx, kindsOf(service, l.zone), dns.TypePTR)
	if err != nil {
		return err
	}
	for _, rr := range a.records {
		if ptr, ok := rr.(*dns.PTR); ok {
			if p, ok := parsePort(dns.CanonicalName(ptr.Ptr), ownerOf(service, l.zone)); ok {
				l.kinds = append(l.kinds, p)
			}
		}
	}
	slices.SortFunc(l.kinds, catalog.PortName.Compare)
	l.kinds = slices.Compact(l.kinds)
	l.kinds = l.kinds[:min(len(l.kinds), maxKinds)]
	return nil
}

// askPorts asks which instances have a port of each name.
func (l *lookup) askPorts(ctx context.Context) error {
	return each(ctx, l.kinds, func(ctx context.Context, p catalog.PortName) error {
		return l.askPort(ctx, p, portOf(p, l.query.owner))
	})
}

// askPort asks who has a port of a name, by a name that the port has in DNS.
func (l *lookup) askPort(ctx context.Context, p catalog.PortName, owner string) error {
	a, err := l.question(ctx, owner, dns.TypeSRV)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set.name(p, a.records)
	return nil
}

// askSingly asks about each instance of which no port has a name yet: it has none, or
// the other answers were older, or samples.
func (l *lookup) askSingly(ctx context.Context) error {
	type singly struct {
		port  catalog.PortName
		owner string // the instance as DNS-SD calls it (RFC 6763, 4.3)
	}
	var questions []singly
	for _, m := range l.set.those(func(m *member) bool { return m.id != "" && !m.named() }) {
		for _, p := range l.kinds {
			questions = append(questions, singly{p, m.id + "." + portOf(p, ownerOf(m.service, l.zone))})
		}
	}
	questions = questions[:min(len(questions), maxSingly)]
	return each(ctx, questions, func(ctx context.Context, q singly) error { return l.askPort(ctx, q.port, q.owner) })
}

// askAddresses asks for those that other answers had no room for.
func (l *lookup) askAddresses(ctx context.Context) error {
	type family struct {
		member *member
		qtype  uint16
	}
	var questions []family
	for _, m := range l.set.those(func(m *member) bool { return m.id != "" }) {
		if m.addresses = l.addresses[m.target]; len(m.addresses) == 0 {
			questions = append(questions, family{m, dns.TypeA}, family{m, dns.TypeAAAA})
		}
	}
	return each(ctx, questions, func(ctx context.Context, q family) error {
		a, err := l.question(ctx, q.member.target, q.qtype)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, rr := range a.records {
			if addr, ok := addressOf(rr); ok {
				q.member.addresses = append(q.member.addresses, addr)
			}
		}
		return nil
	})
}

// askMetadata asks for the metadata of each instance.
func (l *lookup) askMetadata(ctx context.Context) error {
	instances := l.set.those(func(m *member) bool { return m.id != "" })
	return each(ctx, instances, func(ctx context.Context, m *member) error {
		a, err := l.question(ctx, m.target, dns.TypeTXT)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		m.metadata = metadataOf(a.records)
		return nil
	})
}

// each runs f for all elements, a few at once, until the first error.
func each[T any](ctx context.Context, list []T, f func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, element := range list {
		group.Go(func() error { return f(ctx, element) })
	}
	return group.Wait()
}
