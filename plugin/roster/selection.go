package roster

import (
	"slices"
	"sync"

	"github.com/rosterdns/roster/catalog"
)

// selection is what answers need of the instances that a selector selects from what
// is served of a service. As there, each part is made at its first use.
type selection struct {
	from *servedService
	// selector is without what all questions of the service have in common.
	selector catalog.Selector
	// candidates are those who are up of whom the selector selects; nil without
	// one.
	candidates []*catalog.Instance

	match     lazy[[]*catalog.Instance]
	near      lazy[[]*catalog.Instance]
	addresses lazy[*addressSets]
	all       lazy[*srvSet]
	bindings  lazy[*svcbSet]
	ports     [portKeyings]lazy[map[portKey]*portSet]
}

// matching returns the instances that are selected, but for the preference for a
// locality.
func (s *selection) matching() []*catalog.Instance {
	if v := s.match.made.Load(); v != nil {
		return *v
	}
	return *s.match.get(func() []*catalog.Instance {
		if s == &s.from.whole {
			return catalog.Selector{MinUp: s.from.service.Policy().Up()}.Select(s.from.instances(), s.from.service.Len())
		}
		selector := s.selector
		selector.Prefer = ""
		return selector.Narrow(s.candidates)
	})
}

// selected returns the instances that questions without a port are answered from.
func (s *selection) selected() []*catalog.Instance {
	if v := s.near.made.Load(); v != nil {
		return *v
	}
	return *s.near.get(func() []*catalog.Instance {
		return catalog.Nearest(s.matching(), s.selector.Prefer, func(in *catalog.Instance) *catalog.Instance { return in })
	})
}

// soleHost returns the host that the service's name is an alias of, or nil.
func (s *selection) soleHost() *catalog.Instance { return catalog.SoleHost(s.selected()) }

// addressSet returns the addresses for questions of the type, A or AAAA.
func (s *selection) addressSet(rrtype uint16) *addressSet {
	if v := s.addresses.made.Load(); v != nil {
		return (*v).of(rrtype)
	}
	sets := s.addresses.get(func() *addressSets { return newAddressSets(catalog.Preferred(s.selected())) })
	return (*sets).of(rrtype)
}

// srvSet returns the targets of all ports.
func (s *selection) srvSet() *srvSet {
	if v := s.all.made.Load(); v != nil {
		return *v
	}
	return *s.all.get(func() *srvSet { return newSRVSet(allPorts(s.selected())) })
}

// svcbSet returns the endpoints for questions of type SVCB and HTTPS.
func (s *selection) svcbSet() *svcbSet {
	return *s.bindings.get(func() *svcbSet { return newSVCBSet(s.selected()) })
}

// portsBy returns the ports of the selected instances, by what tells them apart.
func (s *selection) portsBy(k portKeying) map[portKey]*portSet {
	if v := s.ports[k].made.Load(); v != nil {
		return *v
	}
	return *s.ports[k].get(func() map[portKey]*portSet {
		instances := slices.Values(s.matching())
		if s == &s.from.whole {
			instances = s.from.instances() // whose ports exist, whoever is selected
		}
		return newPorts(instances, s.matching(), s.selector.Prefer, k.key)
	})
}

// port returns the instances with a port, or nil if there is none.
func (s *selection) port(key portKey) *portSet { return s.portsBy(key.keying())[key] }

// maxNarrowed is how many selectors' results a version of a service has, so that its
// memory is bounded whatever is asked. Those of others are made for the query.
const maxNarrowed = 64

// narrowed are the selections by selectors from one version of a service.
type narrowed struct {
	labels lazy[labelIndex]
	mu     sync.RWMutex
	by     map[nameSelector]*selection
}

// labelIndex are the instances that answer for a service by tag and by locality.
type labelIndex struct {
	tags, localities map[string][]*catalog.Instance
}

func newLabelIndex(instances []*catalog.Instance) labelIndex {
	x := labelIndex{map[string][]*catalog.Instance{}, map[string][]*catalog.Instance{}}
	for _, in := range instances {
		if in.Locality != "" {
			x.localities[in.Locality] = append(x.localities[in.Locality], in)
		}
		for i, tag := range in.Tags {
			if !slices.Contains(in.Tags[:i], tag) {
				x.tags[tag] = append(x.tags[tag], in)
			}
		}
	}
	return x
}

func (sv *servedService) labels() *labelIndex {
	return sv.narrowed.labels.get(func() labelIndex { return newLabelIndex(sv.answering()) })
}

// nobody is the selection of a selector that nobody answers to.
func (sv *servedService) nobody() *selection {
	return &selection{from: sv, candidates: []*catalog.Instance{}}
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
	return sv.narrowed.get(n, func() *selection {
		return &selection{from: sv, selector: n.selector(), candidates: candidates}
	})
}

// get returns the selection of a selector, which is made if there is none.
func (x *narrowed) get(n nameSelector, build func() *selection) *selection {
	x.mu.RLock()
	s, full := x.by[n], len(x.by) >= maxNarrowed
	x.mu.RUnlock()
	if s != nil {
		return s
	}
	if full {
		return build()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.by[n]; s != nil {
		return s
	}
	s = build()
	if len(x.by) < maxNarrowed {
		if x.by == nil {
			x.by = map[nameSelector]*selection{}
		}
		x.by[n] = s
	}
	return s
}

// selector returns the rule that the selector of a name stands for.
func (n *nameSelector) selector() catalog.Selector {
	s := catalog.Selector{Tags: slices.Clone(n.tags[:n.count])}
	if n.prefer {
		s.Prefer = n.locality
	} else {
		s.Locality = n.locality
	}
	return s
}
