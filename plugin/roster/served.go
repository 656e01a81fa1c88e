package roster

import (
	"slices"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// servedService is one version of a service, and what was selected from it: all that
// depends neither on the question nor on a block's TTLs and zones. Each part is made at its first use and only once, so that the work of a
// query doesn't grow with the service, and a version costs no more than what is
// asked of it. It points into the service and is safe for concurrent use.
type servedService struct {
	service *services.Service
	// whole is what is selected without a selector. Its ports are those of all
	// instances, whatever their status.
	whole    selection
	narrowed narrowed
	lowest   lazy[ownTTLs]
	named    lazy[[]portKey]
	slots    packSlots
}

// Retire implements services.Retirer.
func (sv *servedService) Retire() { sv.slots.retire() }

// servedOf returns what is served of a service, which is made once for each version.
func servedOf(s *services.Service) *servedService {
	return s.Attachment(func(s *services.Service) any { return newServed(s) }).(*servedService)
}

// newServed is servedOf without what is remembered of a version.
func newServed(s *services.Service) *servedService {
	sv := &servedService{service: s}
	sv.whole.from = s
	return sv
}

// answering returns the instances that answer for the service by their status.
func (sv *servedService) answering() []*catalog.Instance { return sv.whole.matching() }

// ttl returns what the instances state of their TTL, whatever their status.
func (sv *servedService) ttl() ownTTLs {
	return *sv.lowest.get(func() (own ownTTLs) {
		for in := range sv.service.All() {
			own.add(in)
		}
		return own
	})
}

// hasPort reports whether an instance has the port, whatever its status; with a key
// of a protocol alone whether one has any port of it.
func (sv *servedService) hasPort(key portKey) bool { return sv.whole.port(key) != nil }

// hasPorts reports whether an instance has a port, whatever its status.
func (sv *servedService) hasPorts() bool { return len(sv.whole.portsBy(byName)) > 0 }

// namedPorts returns the ports with a name that instances have, whatever their
// status, in order.
func (sv *servedService) namedPorts() []portKey {
	return *sv.named.get(func() (keys []portKey) {
		for key := range sv.whole.portsBy(byName) {
			if key.name != "" {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, portKey.compare)
		return keys
	})
}

func (sv *servedService) labels() *labelIndex {
	return sv.narrowed.labels.get(func() labelIndex { return newLabelIndex(sv.answering()) })
}

// nobody is the selection of a selector that nobody answers to.
func (sv *servedService) nobody() *selection {
	return &selection{from: sv.service, candidates: []*catalog.Instance{}, passing: true}
}

// selection returns what a selector selects. Its work follows the fewest instances
// that have one of its labels in common, and is done once for a version but for
// selectors beyond maxNarrowed.
func (sv *servedService) selection(n nameSelector) *selection {
	if n == (nameSelector{}) {
		return &sv.whole
	}
	labels := sv.labels()
	if n.prefer && len(labels.localities[n.locality]) == 0 {
		n.locality, n.prefer = "", false // nobody is there: as without
		if n == (nameSelector{}) {
			return &sv.whole
		}
	}
	candidates := sv.answering()
	fewest := func(list []*catalog.Instance) {
		if len(list) < len(candidates) {
			candidates = list
		}
	}
	for _, tag := range n.tags[:n.count] {
		fewest(labels.tags[tag])
	}
	if n.locality != "" && !n.prefer {
		fewest(labels.localities[n.locality])
	}
	if len(candidates) == 0 {
		return sv.nobody() // is not remembered: there is no end of such selectors
	}
	return sv.narrowed.get(n, func(n nameSelector) *selection {
		return &selection{from: sv.service, selector: n.selector(), candidates: candidates}
	})
}
