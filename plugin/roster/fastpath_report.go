package roster

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// reports count the answers of a server block on the fast path as the plugin
// prometheus counts others.
type reports struct {
	origins [][]byte // in wire form
	zones   []*report
}

// newReports returns the reports of a block on a server, or nil where the block has no
// prometheus.
func newReports(b *fastBlock, server string) *reports {
	m, ok := b.config.server.Handler("prometheus").(*metrics.Metrics)
	if !ok {
		return nil
	}
	// CoreDNS takes the plugin behind prometheus for the one that writes.
	writer := m.Next.Name()
	rs := new(reports)
	for _, origin := range b.handler.origins {
		wire := make([]byte, maxName)
		n, err := dns.PackDomainName(origin, wire, 0, nil, false)
		if err != nil {
			continue // has no names
		}
		zone := plugin.Zones(m.ZoneNames()).Matches(origin)
		if zone == "" {
			zone = "."
		}
		rs.origins = append(rs.origins, wire[:n])
		rs.zones = append(rs.zones, newReport(server, zone, writer))
	}
	return rs
}

// count counts the answer to a query, which has one question and at most an OPT record
// besides.
func (rs *reports) count(query, answer []byte, from netip.Addr, start time.Time) {
	const header = 12
	var in *report
	longest := 0
	end := header
	for name := query[header:]; ; name = query[end:] {
		for i, origin := range rs.origins {
			if len(origin) > longest && len(name) >= len(origin) && bytes.EqualFold(name[:len(origin)], origin) {
				in, longest = rs.zones[i], len(origin)
			}
		}
		if name[0] == 0 {
			break
		}
		end += 1 + int(name[0])
	}
	if in == nil {
		return
	}
	question, opt := query[end+1:], query[end+1+4:]
	const do = 7 // the octet of an OPT record with DNSSEC OK
	family := 0
	if from.Is6() {
		family = 1
	}
	in.requests[family].of(binary.BigEndian.Uint16(question)).Inc()
	if len(opt) > do && opt[do]&0x80 != 0 {
		in.withDO().Inc()
	}
	in.answers().Inc()
	in.duration().Observe(time.Since(start).Seconds())
	in.requestSize().Observe(float64(len(query)))
	in.responseSize().Observe(float64(len(answer)))
}

// report is what is counted of a server and a zone. Each series begins with what is
// counted first in it, as those of the plugin prometheus do.
type report struct {
	requests                            [2]typeCounters // by family
	withDO, answers                     func() prometheus.Counter
	duration, requestSize, responseSize func() prometheus.Observer
}

func newReport(server, zone, writer string) *report {
	const view, udp = "", "udp"
	counter := func(v *prometheus.CounterVec, labels ...string) func() prometheus.Counter {
		return sync.OnceValue(func() prometheus.Counter {
			return v.WithLabelValues(append([]string{server, zone, view}, labels...)...)
		})
	}
	observer := func(v *prometheus.HistogramVec, labels ...string) func() prometheus.Observer {
		return sync.OnceValue(func() prometheus.Observer {
			return v.WithLabelValues(append([]string{server, zone, view}, labels...)...)
		})
	}
	r := &report{
		withDO:       counter(vars.RequestDo),
		answers:      counter(vars.ResponseRcode, dns.RcodeToString[dns.RcodeSuccess], writer),
		duration:     observer(vars.RequestDuration),
		requestSize:  observer(vars.RequestSize, udp),
		responseSize: observer(vars.ResponseSize, udp),
	}
	for i, family := range []string{"1", "2"} { // IPv4 and IPv6, as vars.Report has it
		r.requests[i].new = func(rrtype uint16) prometheus.Counter {
			return vars.RequestCount.WithLabelValues(server, zone, view, udp, family, dns.TypeToString[rrtype])
		}
	}
	return r
}

// typeCounters are counters by the type that is asked for, of which there are few. They
// are safe for concurrent use.
type typeCounters struct {
	new    func(rrtype uint16) prometheus.Counter
	byType [math.MaxUint8 + 1]atomic.Value // of those below, which all common ones are
}

func (c *typeCounters) of(rrtype uint16) prometheus.Counter {
	if int(rrtype) >= len(c.byType) {
		return c.new(rrtype)
	}
	if known, ok := c.byType[rrtype].Load().(prometheus.Counter); ok {
		return known
	}
	made := c.new(rrtype)
	c.byType[rrtype].Store(made)
	return made
}
