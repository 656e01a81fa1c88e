package registrar

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// ServiceName is the parsed form of a name that GetService takes.
type ServiceName struct {
	Namespace, Service string
	// AnyStatus asks for all instances rather than those that are up.
	AnyStatus bool
}

// anyStatus is the one selector there is: all instances, whatever their status.
const anyStatus = "status=any"

// String returns the name in full.
func (n ServiceName) String() string {
	if n.AnyStatus {
		return n.Namespace + "/" + n.Service + "?" + anyStatus
	}
	return n.Namespace + "/" + n.Service
}

// ParseName parses a name as GetService takes it: "SERVICE" or
// "NAMESPACE/SERVICE", both single DNS labels, and "?status=any" where those
// that are not up are wanted too. It is for drivers. The strings of the result
// share the memory of name. Errors are ErrInvalid, and ErrUnsupported for any
// other selector.
func ParseName(name, defaultNamespace string) (ServiceName, error) {
	path, selector, selects := strings.Cut(name, "?")
	if selects && selector != anyStatus {
		return ServiceName{}, fmt.Errorf("registrar: name %s: the only selector of this version is %q: %w", shown(name), "?"+anyStatus, ErrUnsupported)
	}
	n := ServiceName{Namespace: defaultNamespace, Service: path, AnyStatus: selects}
	if namespace, service, ok := strings.Cut(path, "/"); ok {
		n.Namespace, n.Service = namespace, service
	}
	if err := errors.Join(catalog.CheckNamespace(n.Namespace), catalog.CheckLabel("service", n.Service)); err != nil {
		return ServiceName{}, fmt.Errorf("registrar: name %s: %w", shown(name), err)
	}
	return n, nil
}

// maxShown is how much of a name a message repeats: two labels and a selector.
const maxShown = 160

func shown(name string) string {
	if len(name) > maxShown {
		return strconv.Quote(name[:maxShown]) + "…"
	}
	return strconv.Quote(name)
}
