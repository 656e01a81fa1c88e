package roster

import (
	"slices"
	"strings"
	"sync"

	"github.com/rosterdns/roster/catalog"
)

// maxNarrowed is how many selectors' results a version of a service has, so that its
// memory is bounded whatever is asked. Those of others are made for the query.
const maxNarrowed = 64

// narrowed are the selections by selectors from one version of a service.
type narrowed struct {
	labels lazy[labelIndex]
	mu     sync.RWMutex
	by     map[nameSelector]*selection
}

// get returns the selection of a selector, which is made if there is none.
func (x *narrowed) get(n nameSelector, build func(nameSelector) *selection) *selection {
	x.mu.RLock()
	s, full := x.by[n], len(x.by) >= maxNarrowed
	x.mu.RUnlock()
	if s != nil {
		return s
	}
	n = n.clone()
	if full {
		s = build(n)
		s.passing = true
		return s
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.by[n]; s != nil {
		return s
	}
	s = build(n)
	if len(x.by) < maxNarrowed {
		if x.by == nil {
			x.by = map[nameSelector]*selection{}
		}
		x.by[n] = s
	} else {
		s.passing = true
	}
	return s
}

// clone returns the selector with memory of its own: that of a query is used again.
func (n nameSelector) clone() nameSelector {
	for i := range n.tags[:n.count] {
		n.tags[i] = strings.Clone(n.tags[i])
	}
	n.locality = strings.Clone(n.locality)
	return n
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
