package httpbalance

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/rosterdns/roster/registrar"
)

// names reports whether the host of a URL names a service.
func (c *config) names(u *url.URL) bool { return strings.HasSuffix(hostname(u), c.suffix) }

// name returns the service that the host of a URL names, for GetService, which checks it.
func (c *config) name(u *url.URL) (string, error) {
	invalid := func(why string) error {
		return fmt.Errorf("httpbalance: host %q: %w: %s", u.Host, registrar.ErrInvalid, why)
	}
	if u.Port() != "" {
		return "", invalid("a service has no port: leave it out, or name it by balance.WithPort")
	}
	host := strings.TrimSuffix(hostname(u), c.suffix)
	service, namespace, ok := strings.Cut(host, ".")
	switch {
	case service == "" || strings.ContainsAny(host, "/?"):
		return "", invalid("it names no service")
	case !ok:
		return service, nil
	case namespace == "" || strings.Contains(namespace, "."):
		return "", invalid("must be SERVICE" + c.suffix + " or SERVICE.NAMESPACE" + c.suffix)
	}
	return namespace + "/" + service, nil
}

// hostname returns the host of a URL in lower case, without a dot at its end.
func hostname(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }
