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
	// MinUp is that of the service's policy: with fewer instances up, the others
	// are selected too. All instances of the service count, whatever else is
	// selected by.
	MinUp int
	// Tags selects instances that have all of these.
	Tags []string
	// Locality selects instances of this locality only; empty for all.
	Locality string
	// Prefer selects those of this locality where there are any, else all; empty
	// for all.
	Prefer string
}

// Select returns the selected instances of a service, in the order in which they
// come: most of them, as a rule, of which there are about size. It is a rule for
// the service as a whole: whether an instance is selected can depend on which
// others there are.
func (s Selector) Select(service iter.Seq[*Instance], size int) []*Instance {
	selected := make([]*Instance, 0, size)
	for in := range service {
		if s.AnyStatus || in.Up() {
			selected = append(selected, in)
		}
	}
	if len(selected) < s.MinUp {
		selected = slices.AppendSeq(selected[:0], service)
	}
	return s.Narrow(selected)
}

// AnyAnswers reports whether an instance answers for a service with so many
// instances, of which that many are up.
func AnyAnswers(instances, up, minUp int) bool { return up > 0 || minUp > 0 && instances > 0 }

// Narrow returns those of the instances, which are selected by status already, that
// have the tags and are of the locality. Their order stays. Where nothing is to be
// left out the result can be the list itself.
func (s Selector) Narrow(instances []*Instance) []*Instance {
	if len(s.Tags) > 0 || s.Locality != "" {
		instances = those(instances, func(in *Instance) bool {
			return (s.Locality == "" || in.Locality == s.Locality) && in.hasTags(s.Tags)
		})
	}
	return Nearest(instances, s.Prefer, func(in *Instance) *Instance { return in })
}

// Nearest returns those of a list whose instances are of the locality; all where
// there is none, or where locality is empty. It is Prefer of a Selector, for a list
// of which each element stands for an instance. Their order stays.
func Nearest[T any](list []T, locality string, instance func(T) *Instance) []T {
	if locality == "" {
		return list
	}
	if near := those(list, func(t T) bool { return instance(t).Locality == locality }); len(near) > 0 {
		return near
	}
	return list
}

func (in *Instance) hasTags(tags []string) bool {
	for _, t := range tags {
		if !slices.Contains(in.Tags, t) {
			return false
		}
	}
	return true
}

func those[T any](all []T, ok func(T) bool) (list []T) {
	for _, t := range all {
		if ok(t) {
			list = append(list, t)
		}
	}
	return list
}

// Preferred returns those of the selected instances whose addresses answer for
// the service: of the instances with addresses the ones with the lowest priority
// value (RFC 2782) of one that is up, so that those which MinUp adds take the place
// of none; where none is up, with the lowest. Their order stays. Where all are
// preferred the result is the selection itself.
func Preferred(selected []*Instance) []*Instance {
	lowest, up, count := uint16(math.MaxUint16), false, 0
	for _, in := range selected {
		switch {
		case len(in.Addresses) == 0 || up && !in.Up():
		case in.Up() && !up:
			lowest, up = in.Priority, true
		default:
			lowest = min(lowest, in.Priority)
		}
	}
	preferred := func(in *Instance) bool { return len(in.Addresses) > 0 && in.Priority == lowest }
	for _, in := range selected {
		if preferred(in) {
			count++
		}
	}
	if count == len(selected) {
		return selected
	}
	list := make([]*Instance, 0, count)
	for _, in := range selected {
		if preferred(in) {
			list = append(list, in)
		}
	}
	return list
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
