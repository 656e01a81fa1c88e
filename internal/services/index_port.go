package services

import (
	"cmp"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// portItem says that instances of a service have a named port.
type portItem struct {
	service *catalog.ServiceName
	port    catalog.PortName
	// count is how many instances have it; in an edit how many more.
	count int
}

// compare orders items by namespace, then by port, then by service: shorter names
// first, so that those short enough for a domain name are one section.
func (i portItem) compare(other portItem) int {
	if i.service != other.service {
		if c := strings.Compare(i.service.Namespace, other.service.Namespace); c != 0 {
			return c
		}
	}
	return cmp.Or(
		i.port.Compare(other.port),
		len(i.service.Name)-len(other.service.Name),
		strings.Compare(i.service.Name, other.service.Name),
	)
}

// resolvePorts turns how many instances more have each port into edits of an index.
func resolvePorts(x index[portItem], more []portItem) []indexEdit[portItem] {
	edits := make([]indexEdit[portItem], 0, len(more))
	for _, i := range more {
		if have, ok := x.get(i); ok {
			i.count += have.count
		}
		edits = append(edits, indexEdit[portItem]{item: i, remove: i.count == 0})
	}
	return edits
}

// afterNames comes after all names of services of at most that many octets, and before
// longer ones: none begins with a hyphen.
func afterNames(octets int) string { return strings.Repeat("-", octets+1) }
