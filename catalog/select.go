package catalog

import (
	"iter"
	"math"
	"slices"
)

// Selector says which instances of a service a question is about. DNS, the
// library, the commands and every driver select by it, so that they agree. The
// zero value selects the instances that are up.
type Selector struct {
	// AnyStatus selects instances whatever their status.
	AnyStatus bool
}

// Select returns the selected instances of a service, in the order in which they
// come: most of them, as a rule, of which there are about size. It is a rule for
// the service as a whole: whether an instance is selected can depend on which
// others there are.
func (s Selector) Select(service iter.Seq[*Instance], size int) []*Instance {
	selected := slices.Grow([]*Instance(nil), size)
	for in := range service {
		if s.AnyStatus || in.Up() {
			selected = append(selected, in)
		}
	}
	return selected
}

// Preferred returns those of the selected instances whose addresses answer for
// the service: of the instances with addresses the ones with the lowest priority
// value (RFC 2782). Their order stays. Where all are preferred the result is the
// selection itself.
func Preferred(selected []*Instance) []*Instance {
	lowest, count := uint16(math.MaxUint16), 0
	for _, in := range selected {
		switch {
		case len(in.Addresses) == 0 || in.Priority > lowest:
		case in.Priority < lowest:
			lowest, count = in.Priority, 1
		default:
			count++
		}
	}
	if count == len(selected) {
		return selected
	}
	preferred := make([]*Instance, 0, count)
	for _, in := range selected {
		if len(in.Addresses) > 0 && in.Priority == lowest {
			preferred = append(preferred, in)
		}
	}
	return preferred
}

// SoleHost returns the host instance that is the only one selected, or nil. A
// name with such a selection is an alias of the host.
func SoleHost(selected []*Instance) *Instance {
	if len(selected) == 1 && selected[0].Host != "" {
		return selected[0]
	}
	return nil
}

// Each yields a pointer to each of the instances, which must not be moved
// while it is in use.
func Each(instances []Instance) iter.Seq[*Instance] {
	return func(yield func(*Instance) bool) {
		for i := range instances {
			if !yield(&instances[i]) {
				return
			}
		}
	}
}
