package roster

import (
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// selection is what answers need of one version of a service: all that depends
// neither on the question nor on a block's TTLs and zones. Each part is made at
// its first use and only once, so that the work of a query doesn't grow with the
// service, and a version costs no more than what is asked of it. It points into
// the service and is safe for concurrent use.
type selection struct {
	service *services.Service
	// served are the instances ordered by ID where allow_net and deny_net change
	// or hide some; else nil, and they are the service's.
	served []*catalog.Instance

	up        lazy[[]*catalog.Instance]
	addresses lazy[addressSets]
	all       lazy[*srvSet]
	named     lazy[map[portKey]*srvSet]
	numbered  lazy[map[portKey]*srvSet]
}

// lazy is a value that is made at its first use.
type lazy[T any] struct {
	once  sync.Once
	value T
}

func (l *lazy[T]) get(build func() T) *T {
	l.once.Do(func() { l.value = build() })
	return &l.value
}

// attachment is what the plugin keeps with a version of a service.
type attachment struct {
	whole    selection
	filtered sync.Map // *selection by netFilter.key; nil where nothing is left
}

func attachmentOf(s *services.Service) *attachment {
	return s.Attachment(newAttachment).(*attachment)
}

func newAttachment(s *services.Service) any {
	return &attachment{whole: selection{service: s}}
}

// instances yields the instances that are served, whatever their status.
func (s *selection) instances() iter.Seq[*catalog.Instance] {
	if s.served != nil {
		return slices.Values(s.served)
	}
	return s.service.All()
}

// instance returns the instance with the ID, or nil.
func (s *selection) instance(id string) *catalog.Instance {
	if s.served == nil {
		return s.service.Instance(id)
	}
	i, ok := slices.BinarySearchFunc(s.served, id, func(in *catalog.Instance, id string) int { return strings.Compare(in.ID, id) })
	if !ok {
		return nil
	}
	return s.served[i]
}

// selected returns the instances that service-level questions are answered from.
func (s *selection) selected() []*catalog.Instance {
	return *s.up.get(func() []*catalog.Instance { return catalog.Selector{}.Select(s.instances(), s.service.Len()) })
}

// soleHost returns the host that the service's name is an alias of, or nil.
func (s *selection) soleHost() *catalog.Instance { return catalog.SoleHost(s.selected()) }

// addressSet returns the addresses for questions of the type, A or AAAA.
func (s *selection) addressSet(rrtype uint16) *addressSet {
	sets := s.addresses.get(func() addressSets { return newAddressSets(catalog.Preferred(s.selected())) })
	return sets.of(rrtype)
}

// srvSet returns the targets for questions of type SRV about ports, and whether
// anything exists at such names: also where no instance that is up has the port.
// The name of a protocol alone exists without records.
func (s *selection) srvSet(key portKey) (set *srvSet, exists bool) {
	switch {
	case key == portKey{}:
		return *s.all.get(func() *srvSet { return newSRVSet(s.selected()) }), true
	case key.number != 0:
		sets := s.numbered.get(func() map[portKey]*srvSet { return newPorts(s.instances(), s.service.Len(), numberKey) })
		set, exists = (*sets)[key]
	default:
		sets := s.named.get(func() map[portKey]*srvSet { return newPorts(s.instances(), s.service.Len(), nameKey) })
		set, exists = (*sets)[key]
	}
	return set, exists
}
