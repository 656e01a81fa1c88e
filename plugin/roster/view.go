package roster

import (
	"slices"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// view is what is selected from one version of a service. It depends neither on the
// question nor on the TTLs and zones of a block. Each part is made once, at its first use:
// the work of a query doesn't grow with the service, and a version costs no more than
// what is asked of it. A view points into the service. It is safe for concurrent use.
type view struct {
	members
	// whole is what is selected without a selector. Its ports are those of all
	// instances, whatever their status.
	whole    selection
	narrowed narrowed
	lowest   lazy[ownTTLs]
	named    lazy[[]portKey]
}

func newView(s *services.Service) *view {
	v := &view{members: members{service: s}}
	v.whole.of = &v.members
	return v
}

// answering returns the instances that answer for the service by their status.
func (v *view) answering() []*catalog.Instance { return v.whole.matching() }

// ttl returns what the instances state of their TTL, whatever their status.
func (v *view) ttl() ownTTLs {
	return *v.lowest.get(func() (own ownTTLs) {
		for in := range v.all() {
			own.add(in)
		}
		return own
	})
}

// hasPort reports whether an instance has the port, whatever its status; with a key
// of a protocol alone whether one has any port of it.
func (v *view) hasPort(key portKey) bool { return v.whole.hasPort(key) }

// hasPorts reports whether an instance has a port, whatever its status.
func (v *view) hasPorts() bool { return len(v.whole.portsBy(byName)) > 0 }

// namedPorts returns the ports with a name that instances have, whatever their
// status, in order.
func (v *view) namedPorts() []portKey {
	return *v.named.get(func() (keys []portKey) {
		for key := range v.whole.portsBy(byName) {
			if key.name != "" {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, portKey.compare)
		return keys
	})
}

func (v *view) labels() *labelIndex {
	return v.narrowed.labels.get(func() labelIndex { return newLabelIndex(v.answering()) })
}

// nobody is the selection of a selector that nobody answers to.
func (v *view) nobody() *selection {
	return &selection{of: &v.members, candidates: []*catalog.Instance{}, passing: true}
}

// selection returns what a selector selects. Its work follows the fewest instances
// that have one of its labels in common, and is done once for a version but for
// selectors beyond maxNarrowed.
func (v *view) selection(n nameSelector) *selection {
	if n == (nameSelector{}) {
		return &v.whole
	}
	labels := v.labels()
	if n.prefer && len(labels.localities[n.locality]) == 0 {
		n.locality, n.prefer = "", false // nobody is there: as without
		if n == (nameSelector{}) {
			return &v.whole
		}
	}
	candidates := v.answering()
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
		return v.nobody() // is not remembered: there is no end of such selectors
	}
	return v.narrowed.get(n, func(n nameSelector) *selection {
		return &selection{of: &v.members, selector: n.selector(), candidates: candidates}
	})
}
