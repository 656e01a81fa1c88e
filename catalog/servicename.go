package catalog

import (
	"cmp"
	"strings"
)

// ServiceName names a service of a registry. The zero value names none.
type ServiceName struct {
	Namespace, Name string
}

// ParseServiceName parses "namespace/service". The error is ErrInvalid; its field
// is what is wrong of the two, or empty.
func ParseServiceName(s string) (ServiceName, error) {
	namespace, name, ok := strings.Cut(s, "/")
	if !ok {
		return ServiceName{}, invalid("", "%s is not NAMESPACE/SERVICE", quote(s))
	}
	n := ServiceName{Namespace: namespace, Name: name}
	if err := n.check(); err != nil {
		return ServiceName{}, err
	}
	return n, nil
}

func (n ServiceName) check() error {
	if err := CheckNamespace(n.Namespace); err != nil {
		return err
	}
	return CheckLabel("name", n.Name)
}

// String returns "namespace/service"; of the zero value "".
func (n ServiceName) String() string {
	if n.IsZero() {
		return ""
	}
	return n.Namespace + "/" + n.Name
}

// IsZero reports whether no service is named.
func (n ServiceName) IsZero() bool { return n == ServiceName{} }

// MarshalText implements encoding.TextMarshaler with what String returns.
func (n ServiceName) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// Compare orders names by namespace, then by name.
func (n ServiceName) Compare(other ServiceName) int {
	return cmp.Or(strings.Compare(n.Namespace, other.Namespace), strings.Compare(n.Name, other.Name))
}
