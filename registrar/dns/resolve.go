package dns

import (
	"cmp"
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

	mu sync.Mutex
	found
	set       *set
	addresses map[string][]netip.Addr // by name, from beside SRV records
}

// resolve looks a service up. An error is that of the first question that got no answer:
// half a set is none.
func (r *resolver) resolve(ctx context.Context, q query) (found, error) {
	l := &lookup{resolver: r, query: q, found: found{ttl: longestTTL}, set: &set{}, addresses: map[string][]netip.Addr{}}
	steps := []func(context.Context) error{l.askMembers, l.askKinds, l.askPorts, l.askSingly, l.askAddresses}
	if r.metadata {
		steps = append(steps, l.askMetadata)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return found{}, err
		}
		if len(l.set.members) == 0 {
			break
		}
	}
	l.instances = l.set.instances()
	return l.found, nil
}

// question asks DNS, and uses the answer under the mutex.
func (l *lookup) question(ctx context.Context, name string, qtype uint16, use func(answer)) error {
	a, err := l.ask(ctx, name, qtype)
	if err != nil {
		return err
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
	use(a)
	return nil
}

// askMembers asks who is in the set. The other questions only add to what is known of
// these, so that the set is that of one answer.
func (l *lookup) askMembers(ctx context.Context) error {
	return l.question(ctx, l.query.owner, dns.TypeSRV, func(a answer) { l.set = newSet(a, l.query.service, l.zone) })
}

// askKinds asks for the names of the ports that the answering service has: an alias lists
// its own.
func (l *lookup) askKinds(ctx context.Context) error {
	service := l.set.answering(l.query.service)
	return l.question(ctx, kindsOf(service, l.zone), dns.TypePTR, func(a answer) {
		for ptr := range recordsOf[*dns.PTR](a) {
			if p, ok := parsePort(dns.CanonicalName(ptr.Ptr), ownerOf(service, l.zone)); ok {
				l.kinds = append(l.kinds, p)
			}
		}
		slices.SortFunc(l.kinds, catalog.PortName.Compare)
		l.kinds = l.kinds[:min(len(l.kinds), maxKinds)]
	})
}

// portQuestion is a question for who has a port of a name.
type portQuestion struct {
	port  catalog.PortName
	owner string // of the SRV records
}

// askPorts asks which instances have a port of each name.
func (l *lookup) askPorts(ctx context.Context) error {
	var questions []portQuestion
	for _, p := range l.kinds {
		questions = append(questions, portQuestion{p, portOf(p, l.query.owner)})
	}
	return l.askAll(ctx, questions)
}

// askSingly asks about each instance of which no port has a name yet: the other answers
// were older, or samples, or there is none.
func (l *lookup) askSingly(ctx context.Context) error {
	var questions []portQuestion
	for _, m := range l.set.withID() {
		for _, p := range l.kinds {
			if !m.named() && len(questions) < maxSingly {
				questions = append(questions, portQuestion{p, m.id + "." + portOf(p, ownerOf(m.service, l.zone))}) // RFC 6763, 4.3
			}
		}
	}
	return l.askAll(ctx, questions)
}

func (l *lookup) askAll(ctx context.Context, questions []portQuestion) error {
	return each(ctx, questions, func(ctx context.Context, q portQuestion) error {
		return l.question(ctx, q.owner, dns.TypeSRV, func(a answer) { l.set.name(q.port, a) })
	})
}

// askAddresses asks for those that had no room beside the SRV records.
func (l *lookup) askAddresses(ctx context.Context) error {
	return each(ctx, l.set.withID(), func(ctx context.Context, m *member) error {
		l.mu.Lock()
		m.addresses = l.addresses[m.target]
		l.mu.Unlock()
		if len(m.addresses) > 0 {
			return nil
		}
		add := func(a answer) { m.addresses = append(m.addresses, a.addresses[m.target]...) }
		return cmp.Or(l.question(ctx, m.target, dns.TypeA, add), l.question(ctx, m.target, dns.TypeAAAA, add))
	})
}

// askMetadata asks for the metadata of each instance.
func (l *lookup) askMetadata(ctx context.Context) error {
	return each(ctx, l.set.withID(), func(ctx context.Context, m *member) error {
		return l.question(ctx, m.target, dns.TypeTXT, func(a answer) { m.metadata = metadataOf(a) })
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
