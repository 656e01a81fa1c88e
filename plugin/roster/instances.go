package roster

import (
	"iter"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// servedInstances are the instances that a block serves of one version of a service.
type servedInstances struct {
	service *services.Service
	// served are the instances ordered by ID where allow_net and deny_net change
	// or hide some; else nil, and they are the service's.
	served []*catalog.Instance
}

// instances yields the instances that are served, whatever their status.
func (i *servedInstances) instances() iter.Seq[*catalog.Instance] {
	if i.served != nil {
		return slices.Values(i.served)
	}
	return i.service.All()
}

// instance returns the instance with the ID, or nil.
func (i *servedInstances) instance(id string) *catalog.Instance {
	if i.served == nil {
		return i.service.Instance(id)
	}
	at, ok := slices.BinarySearchFunc(i.served, id, func(in *catalog.Instance, id string) int { return strings.Compare(in.ID, id) })
	if !ok {
		return nil
	}
	return i.served[at]
}
