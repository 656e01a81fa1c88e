package balance

import (
	"io"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// Picked is an instance that was picked for a request.
type Picked struct {
	// Instance is shared and must not be changed.
	Instance *registrar.Instance
	// Addr is where to connect to, as "host:port" for net.Dial: the instance's first
	// address, or its host, with the port of WithPort.
	Addr string
	// Pool is what WithPool has opened for the instance; nil without that.
	Pool io.Closer

	endpoint *endpoint
	at       time.Duration // since the balancer's start
	failures int32         // of the endpoint when it was picked
}

// Outcome is what became of a request.
type Outcome uint8

const (
	// OK is a request that was answered.
	OK Outcome = iota
	// Failed is one whose answer says that the instance does not work, or that has
	// reached the instance and got no answer. It counts as slow.
	Failed
	// Unreachable is one that no connection could be made for. The instance is avoided
	// for some time.
	Unreachable
	// Canceled is one that the program gave up.
	Canceled
)

// Result is what became of a request, for Done.
type Result struct {
	Outcome Outcome
	// Latency is how long the answer took; 0 for the time since Pick.
	Latency time.Duration
}

// Done ends the request and reports its result. It must be called exactly once for each
// Pick, when nothing more of the request is to come: until then it is in flight.
func (p Picked) Done(r Result) {
	e := p.endpoint
	e.inFlight.Add(-1)
	now := e.shared.now()
	took := r.Latency
	if took == 0 {
		took = now - p.at
	}
	changed := false
	switch r.Outcome {
	case OK:
		e.latency.observe(took, now, false)
		changed = e.health.succeed(p.failures)
	case Failed:
		e.latency.observe(max(took, failureLatency), now, false)
		changed = e.health.succeed(p.failures)
	case Unreachable:
		changed = e.health.fail(now, p.failures)
	case Canceled:
		e.latency.observe(took, now, true)
	}
	if changed {
		e.shared.changes.Add(1)
	}
}
