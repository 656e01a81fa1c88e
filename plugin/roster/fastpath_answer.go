package roster

import (
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/plugin/roster/internal/batchudp"
)

// fastHandler answers the packets of a listener from packed record sets, and hands the
// others over.
type fastHandler struct {
	blocks   []fastAnswerer
	handover *handover
	answered prometheus.Counter
	handed   prometheus.Counter
}

// fastAnswerer answers for one server block.
type fastAnswerer struct {
	handler *Roster
	count   *serverCounters
	report  *reports // nil without the plugin prometheus
}

var _ batchudp.Handler = (*fastHandler)(nil)

func newFastHandler(blocks []fastBlock, server *dnsserver.Server, h *handover) *fastHandler {
	f := &fastHandler{
		handover: h,
		answered: fastPackets.WithLabelValues(server.Addr, "answered"),
		handed:   fastPackets.WithLabelValues(server.Addr, "handed_over"),
	}
	for i := range blocks {
		b := &blocks[i]
		f.blocks = append(f.blocks, fastAnswerer{b.handler, b.handler.counters.of(server.Addr), newReports(b, server.Addr)})
	}
	return f
}

// Answer implements batchudp.Handler.
func (f *fastHandler) Answer(p *batchudp.Packet, buf []byte) (answer []byte, ok bool) {
	if p.Cut {
		return nil, false
	}
	defer func() {
		if cause := recover(); cause != nil {
			vars.Panic.Inc()
			log.Errorf("Recovered from panic in fastpath: %v\n%s", cause, debug.Stack())
			answer, ok = nil, false
		}
	}()
	from := p.From()
	for i := range f.blocks {
		if answer, ok = f.blocks[i].answer(p.Data, from.Addr().WithZone(""), buf); ok {
			f.answered.Inc()
			return answer, true
		}
	}
	return nil, false
}

func (b *fastAnswerer) answer(query []byte, from netip.Addr, buf []byte) ([]byte, bool) {
	if b.report == nil {
		return b.handler.answerDatagram(buf, query, from, b.count)
	}
	start := time.Now()
	answer, ok := b.handler.answerDatagram(buf, query, from, b.count)
	if ok {
		b.report.count(query, answer, from, start)
	}
	return answer, ok
}

// HandOver implements batchudp.Handler.
func (f *fastHandler) HandOver(p *batchudp.Packet) {
	f.handed.Inc()
	f.handover.take(p)
}
