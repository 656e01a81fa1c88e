package grpcresolver

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Scheme is the scheme of targets.
const Scheme = "roster"

// selectPort is the term of a target's query that names the port.
const selectPort = "port"

// target is what is dialed.
type target struct {
	name      string // for Watch, with selectors
	port      string // empty for the default
	authority string
}

// parseTarget reads roster://[NAMESPACE]/[NAMESPACE/]SERVICE[?TERM[&TERM]...].
func parseTarget(u *url.URL) (target, error) {
	t, err := splitTarget(u)
	if err != nil {
		return target{}, fmt.Errorf("grpcresolver: target %q: %w", u.Redacted(), err)
	}
	return t, nil
}

func splitTarget(u *url.URL) (t target, err error) {
	if u.User != nil || u.Fragment != "" {
		return t, fmt.Errorf("%w: it has no place for a user or a fragment", registrar.ErrInvalid)
	}
	// As it stands, since names have no escapes: "%3F" is no "?".
	t.name = strings.TrimPrefix(u.EscapedPath(), "/")
	if u.Opaque != "" {
		t.name = u.Opaque // roster:orders
	}
	if u.Host != "" {
		t.name = u.Host + "/" + t.name
	}
	selectors, err := t.takePort(u.RawQuery)
	if err != nil {
		return t, err
	}
	t.authority = authority(t.name)
	if selectors != "" {
		t.name += "?" + selectors
	}
	_, err = registrar.ParseName(t.name, registrar.DefaultNamespace)
	return t, err
}

// takePort takes the port from a query, and returns the rest.
func (t *target) takePort(query string) (rest string, err error) {
	if query == "" {
		return "", nil
	}
	var others []string
	for term := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(term, "=")
		switch {
		case key != selectPort:
			others = append(others, term)
		case value == "" || t.port != "":
			return "", fmt.Errorf("%w selector %s: must be the name of a port, once", registrar.ErrInvalid, selectPort)
		default:
			t.port = value
			err = errors.Join(err, catalog.CheckPortName(selectPort, value))
		}
	}
	return strings.Join(others, "&"), err
}

// authority returns the host name that a service has in requests.
func authority(name string) string {
	if namespace, service, ok := strings.Cut(name, "/"); ok {
		return service + "." + namespace + "." + Scheme
	}
	return name + "." + Scheme
}
