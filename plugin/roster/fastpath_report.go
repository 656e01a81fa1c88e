package roster

import (
	"encoding/binary"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// report counts the answers of the fast path for a zone as the plugin prometheus counts
// others. Each series begins with what is counted first in it.
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

// count counts an answer of that many octets to a query, which has one question, whose
// name ends where end says, and at most an OPT record besides.
func (r *report) count(query []byte, end, answer int, from netip.Addr, start time.Time) {
	family := 0
	if from.Is6() {
		family = 1
	}
	r.requests[family].of(binary.BigEndian.Uint16(query[end:])).Inc()
	const do = 4 + 7 // the octet behind a name and the question with DNSSEC OK
	if opt := query[end:]; len(opt) > do && opt[do]&0x80 != 0 {
		r.withDO().Inc()
	}
	r.answers().Inc()
	r.duration().Observe(time.Since(start).Seconds())
	r.requestSize().Observe(float64(len(query)))
	r.responseSize().Observe(float64(answer))
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
