package inspect

import (
	"fmt"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// Effect says from which instances of a service DNS servers of a zone answer as things
// are, by its own instances and its policy, and whether that calls for attention. The
// registry needs to have the keys of that service only.
func (r *Registry) Effect(service catalog.ServiceName, zone string) (text string, warn bool) {
	domain := service.Name + "." + service.Namespace + "." + zone
	s := r.Generation.Service(service.Namespace, service.Name)
	if s == nil {
		return fmt.Sprintf("%s has no instance: DNS has no name %s", service, domain), false
	}
	p := s.Policy()
	switch {
	case p != nil && !p.Alias.IsZero():
		return fmt.Sprintf("DNS answers %s from %s, of which %s is an alias: overrides of its own instances change nothing there", domain, p.Alias, service), false
	case s.Up() < p.Up() && s.Len() > 0:
		return fmt.Sprintf("%d of %d instances of %s are up, fewer than the min_up %d of its policy: DNS answers %s from all of them", s.Up(), s.Len(), service, p.Up(), domain), true
	case s.Up() > 0:
		return fmt.Sprintf("DNS answers %s from %d of %d instances", domain, s.Up(), s.Len()), false
	case p.Redirects():
		return fmt.Sprintf("no instance of %s is up: DNS answers %s from its failover: %s", service, domain, failover(p)), true
	}
	return fmt.Sprintf("no instance of %s is up: DNS answers %s without records (NODATA) until one is", service, domain), true
}

func failover(p *catalog.Policy) string {
	names := make([]string, len(p.Failover))
	for i, n := range p.Failover {
		names[i] = n.String()
	}
	return strings.Join(names, ", ")
}
