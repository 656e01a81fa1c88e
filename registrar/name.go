package registrar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// ServiceName is the parsed form of a name that GetService and Watch take.
type ServiceName struct {
	Namespace, Service string
	// Selector says which instances of the service are meant; its MinUp is that of
	// the service's policy, and 0 here.
	Selector catalog.Selector
}

// Selectors of a name, as in a URL's query.
const (
	selectTag      = "tag"
	selectLocality = "locality"
	selectPrefer   = "prefer"
	selectStatus   = "status"
	// anyStatus is the one value that status has.
	anyStatus = "any"
)

// Name returns the name without its selectors.
func (n ServiceName) Name() catalog.ServiceName {
	return catalog.ServiceName{Namespace: n.Namespace, Name: n.Service}
}

// Selects reports whether the name has a selector.
func (n ServiceName) Selects() bool {
	s := n.Selector
	return s.AnyStatus || len(s.Tags) > 0 || s.Locality != "" || s.Prefer != ""
}

// String returns the name in full, with its selectors in a fixed order.
func (n ServiceName) String() string {
	if !n.Selects() {
		return n.Namespace + "/" + n.Service
	}
	var terms []string
	add := func(key, value string) {
		if value != "" {
			terms = append(terms, key+"="+value)
		}
	}
	for _, tag := range n.Selector.Tags {
		add(selectTag, tag)
	}
	add(selectLocality, n.Selector.Locality)
	add(selectPrefer, n.Selector.Prefer)
	if n.Selector.AnyStatus {
		add(selectStatus, anyStatus)
	}
	return n.Namespace + "/" + n.Service + "?" + strings.Join(terms, "&")
}

// ParseName parses a name as GetService and Watch take it,
//
//	[NAMESPACE/]SERVICE[?SELECTOR[&SELECTOR]...]
//
// where a selector is tag=TAG, which can be repeated and asks for instances with all
// of the tags; locality=LOCALITY for those of a locality alone; prefer=LOCALITY for
// those of a locality where there are any, else all; or status=any for all instances
// rather than those that are up. All parts are single DNS labels, without escapes. It
// is for drivers. The strings of the result share the memory of name. Errors are
// ErrInvalid.
func ParseName(name, defaultNamespace string) (ServiceName, error) {
	path, query, selects := strings.Cut(name, "?")
	n := ServiceName{Namespace: defaultNamespace, Service: path}
	if namespace, service, ok := strings.Cut(path, "/"); ok {
		n.Namespace, n.Service = namespace, service
	}
	err := errors.Join(catalog.CheckNamespace(n.Namespace), catalog.CheckLabel("service", n.Service))
	if err == nil && selects {
		err = parseSelectors(&n.Selector, query)
	}
	if err != nil {
		return ServiceName{}, fmt.Errorf("registrar: name %s: %w", shown(name), err)
	}
	return n, nil
}

func parseSelectors(s *catalog.Selector, query string) error {
	for term := range strings.SplitSeq(query, "&") {
		key, value, ok := strings.Cut(term, "=")
		if !ok {
			return fmt.Errorf("%w selector %s: must be KEY=VALUE", ErrInvalid, shown(term))
		}
		if err := addSelector(s, key, value); err != nil {
			return err
		}
	}
	return nil
}

func addSelector(s *catalog.Selector, key, value string) error {
	once := func(to *string) error {
		if *to != "" {
			return fmt.Errorf("%w selector: %q stands twice", ErrInvalid, key)
		}
		*to = value
		return catalog.CheckLabel(key, value)
	}
	switch key {
	case selectTag:
		if slices.Contains(s.Tags, value) {
			return nil
		}
		if len(s.Tags) == catalog.MaxTags {
			return fmt.Errorf("%w selector: more than %d tags: no instance has so many", ErrInvalid, catalog.MaxTags)
		}
		s.Tags = append(s.Tags, value)
		return catalog.CheckLabel(key, value)
	case selectLocality:
		return once(&s.Locality)
	case selectPrefer:
		return once(&s.Prefer)
	case selectStatus:
		if value != anyStatus || s.AnyStatus {
			return fmt.Errorf("%w selector status: must be %q, once", ErrInvalid, anyStatus)
		}
		s.AnyStatus = true
		return nil
	}
	return fmt.Errorf("%w selector %s: must be %s, %s, %s or %s", ErrInvalid, shown(key), selectTag, selectLocality, selectPrefer, selectStatus)
}

// maxShown is how much of a name a message repeats: two labels and a selector.
const maxShown = 160

func shown(name string) string {
	if len(name) > maxShown {
		return strconv.Quote(name[:maxShown]) + "…"
	}
	return strconv.Quote(name)
}
