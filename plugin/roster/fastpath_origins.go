package roster

import (
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// fastOrigin is a zone on a listener with fastpath.
type fastOrigin struct {
	handler *Roster
	count   *serverCounters
	report  *report // nil without the plugin prometheus
}

// fastOrigins are the zones of a listener by name, so that the work of a query doesn't
// grow with the number of server blocks.
type fastOrigins struct {
	byName map[string]*fastOrigin // in wire form and lower case
	// sizes are those that the names have.
	sizes [maxName + 1]bool
}

// add adds the zones of a block on a server.
func (o *fastOrigins) add(b *fastBlock, server string) {
	m, counted := b.config.server.Handler("prometheus").(*metrics.Metrics)
	for _, origin := range b.handler.origins {
		f := &fastOrigin{handler: b.handler, count: b.handler.counters.of(server)}
		if counted {
			zone := plugin.Zones(m.ZoneNames()).Matches(origin)
			if zone == "" {
				zone = "."
			}
			// CoreDNS takes the plugin behind prometheus for the one that writes.
			f.report = newReport(server, zone, m.Next.Name())
		}
		o.set(origin, f)
	}
}

func (o *fastOrigins) set(origin string, f *fastOrigin) {
	var name [maxName]byte
	n, err := dns.PackDomainName(origin, name[:], 0, nil, false)
	if err != nil {
		return // nor can a question be for it
	}
	if o.byName == nil {
		o.byName = map[string]*fastOrigin{}
	}
	o.byName[string(name[:n])] = f
	o.sizes[n] = true
}

// of returns the zone that a query is for, or nil, and where the name that it asks for
// ends in it.
func (o *fastOrigins) of(query []byte) (f *fastOrigin, end int) {
	const header, longestLabel = 12, 63
	end = header
	for {
		if end >= len(query) || query[end] > longestLabel || end-header >= maxName {
			return nil, 0
		}
		size := int(query[end])
		end += 1 + size
		if size == 0 {
			break
		}
	}
	for start := header; start < end; start += 1 + int(query[start]) {
		if n := end - start; n <= maxName && o.sizes[n] {
			var name [maxName]byte
			copy(name[:], query[start:end])
			wire.Lower(name[:n])
			if f = o.byName[string(name[:n])]; f != nil {
				return f, end
			}
		}
	}
	return nil, 0
}
