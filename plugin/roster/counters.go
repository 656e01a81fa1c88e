package roster

import (
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// counters find the counters of servers that a block is on without the work that
// labels take. The zero value is ready, and safe for concurrent use.
type counters struct {
	servers atomic.Pointer[[]*serverCounters]
}

// serverCounters count the packed answers of a server.
type serverCounters struct {
	server          string
	success, nodata prometheus.Counter
}

func (c *serverCounters) count(h *hit) {
	if h.Packed == nil {
		c.nodata.Inc()
	} else {
		c.success.Inc()
	}
}

// of returns the counters of the server with an address.
func (c *counters) of(server string) *serverCounters {
	for {
		known := c.servers.Load()
		var list []*serverCounters
		if known != nil {
			list = *known
		}
		for _, s := range list {
			if s.server == server {
				return s
			}
		}
		added := append(slices.Clone(list), &serverCounters{
			server, responses.WithLabelValues(server, "success"), responses.WithLabelValues(server, "nodata"),
		})
		c.servers.CompareAndSwap(known, &added)
	}
}
