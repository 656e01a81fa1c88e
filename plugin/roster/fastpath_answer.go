package roster

import (
	"fmt"
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
	origins  fastOrigins
	handover *handover
	answered prometheus.Counter
	handed   prometheus.Counter
}

var _ batchudp.Handler = (*fastHandler)(nil)

func newFastHandler(blocks []fastBlock, server *dnsserver.Server, h *handover) *fastHandler {
	f := &fastHandler{
		handover: h,
		answered: fastPackets.WithLabelValues(server.Addr, "answered"),
		handed:   fastPackets.WithLabelValues(server.Addr, "handed_over"),
	}
	for i := range blocks {
		f.origins.add(&blocks[i], server.Addr)
	}
	return f
}

// Answer implements batchudp.Handler.
func (f *fastHandler) Answer(p *batchudp.Packet, buf []byte) (answer []byte, ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			vars.Panic.Inc()
			logger.Error("recovered from a panic in fastpath", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			answer, ok = nil, false
		}
	}()
	o, end := f.origins.of(p.Data)
	if o == nil || p.Cut {
		return nil, false
	}
	from := p.From().Addr().WithZone("")
	var start time.Time
	if o.report != nil {
		start = time.Now()
	}
	if answer, ok = o.handler.answerDatagram(buf, p.Data, from, o.count); !ok {
		return nil, false
	}
	f.answered.Inc()
	if o.report != nil {
		o.report.count(p.Data, end, len(answer), from, start)
	}
	return answer, true
}

// HandOver implements batchudp.Handler.
func (f *fastHandler) HandOver(p *batchudp.Packet) {
	f.handed.Inc()
	f.handover.take(p)
}
