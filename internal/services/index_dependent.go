package services

import (
	"cmp"
	"iter"

	"github.com/rosterdns/roster/catalog"
)

// dependentItem says that the policy of a service names a target.
type dependentItem struct {
	target, service catalog.ServiceName
}

func (i dependentItem) compare(other dependentItem) int {
	return cmp.Or(i.target.Compare(other.target), i.service.Compare(other.service))
}

// targets yields the services that a policy names.
func targets(p *catalog.Policy) iter.Seq[catalog.ServiceName] {
	return func(yield func(catalog.ServiceName) bool) {
		if p == nil || !p.Alias.IsZero() && !yield(p.Alias) {
			return
		}
		for _, n := range p.Failover {
			if !yield(n) {
				return
			}
		}
	}
}
