package doctor

import (
	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
)

// Server judges what a DNS server says of itself; err is why it says nothing. The
// registry is nil where it is not known.
func Server(server, zone string, status dnsserver.Status, err error, registry *inspect.Registry) Finding {
	name := "DNS server " + server
	switch {
	case err != nil:
		return fail("check that roster runs there for the zone "+zone+", or name another server with --server", "%s: %v", name, err)
	case status.State != dnsserver.Live:
		return fail("see its log, and whether it reaches etcd", "%s is %s: %s", name, status.State, status.Explain())
	case registry == nil:
		return ok("%s is live at revision %d", name, status.Revision)
	case status.Revision > registry.Revision:
		return fail("check --endpoints: it reads another etcd", "%s is at revision %d, etcd at %d", name, status.Revision, registry.Revision)
	case status.Revision < registry.LastChange:
		return fail("see its log, and whether it reaches etcd", "%s is at revision %d, the last change at %d", name, status.Revision, registry.LastChange)
	}
	return ok("%s is live at revision %d, with all changes", name, status.Revision)
}

// Compared judges what a DNS server answers for services, by how many were compared, of
// how many, and the names of those that differ.
func Compared(server string, compared, all int, differ []catalog.ServiceName) []Finding {
	if len(differ) == 0 {
		if compared < all {
			return []Finding{ok("DNS server %s answers %d of %d services as etcd has them; the others were not asked for", server, compared, all)}
		}
		return []Finding{ok("DNS server %s answers all services (%d) as etcd has them", server, all)}
	}
	return named(differ, "services differ on "+server, func(name catalog.ServiceName) Finding {
		return fail("see how: registrar resolve "+name.String()+" --server "+server, "DNS server %s differs from etcd in %s", server, name)
	})
}
