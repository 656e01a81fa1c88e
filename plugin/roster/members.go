package roster

import (
	"iter"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// members are the valid instances of one version of a service, whatever their status.
type members struct {
	service *services.Service
	// shared says that they are those which versions of the service share: there are too
	// many to copy for each. Copies take less memory, and go with the version.
	shared bool
	copies lazy[[]catalog.Instance]
}

// all yields them: each time the same.
func (m *members) all() iter.Seq[*catalog.Instance] {
	if m.shared {
		return m.service.All()
	}
	return catalog.Each(*m.copies.get(m.service.CopyInstances))
}
