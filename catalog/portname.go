package catalog

import (
	"cmp"
	"strings"
)

// PortName is what instances call a port in common. Its parts are as in a Port
// that has a name and is normalized.
type PortName struct {
	Name, Protocol string
}

// Compare orders names by name, then by protocol.
func (n PortName) Compare(other PortName) int {
	return cmp.Or(strings.Compare(n.Name, other.Name), strings.Compare(n.Protocol, other.Protocol))
}
