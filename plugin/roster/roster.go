// Package roster is a CoreDNS plugin that answers queries for the services of a Roster
// registry in etcd, with all types of records that a service can have. It answers from a
// replica in memory: no query causes a request to etcd.
package roster

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// Roster is the handler of one server block. It is safe for concurrent use.
type Roster struct {
	// Next is the next handler of the block.
	Next plugin.Handler

	origins plugin.Zones
	zones   map[string]*zone // by name; the same as in origins
	fall    fall.F
	stale   time.Duration // how long after the last contact answers go on; 0 is without end
	nets    nets
	settings
	responder
	counters  counters
	index     index
	transfers *transfers    // of all blocks
	replica   replicaReader // as nets show it
	// started says that replica is set, before which nothing but Ready is
	// called.
	started atomic.Bool
	// ready reports whether all roster blocks of the Corefile are synced; nil in
	// tests of one.
	ready func() bool
}

var _ plugin.Handler = (*Roster)(nil)

// Name implements plugin.Handler.
func (r *Roster) Name() string { return pluginName }

// Ready implements the ready plugin's Readiness: each roster block of the process
// has something to answer from.
func (r *Roster) Ready() bool {
	if r.ready != nil {
		return r.ready()
	}
	return r.synced()
}

// synced reports whether there is a list, or a snapshot, to answer from, that is not
// older than stale allows.
func (r *Roster) synced() bool {
	return r.started.Load() && r.usable(r.replica.Status())
}

// CacheBypassZones implements the cache plugin's ZoneBypasser: a cache in the block
// would store answers that were cut for one client, and keep them for longer than
// their TTL.
func (r *Roster) CacheBypassZones() []string { return r.origins }

// start gives the handler its replica, until stop.
func (r *Roster) start(reg replicaReader) {
	r.replica = filteredBy(r.nets, reg)
	if slices.ContainsFunc(r.origins, isReverse) {
		reg.IndexAddresses()
	}
	r.started.Store(true)
}

// stop ends what start began. Queries that are under way can go on.
func (r *Roster) stop() {
	if f, ok := r.replica.(*filteredReplica); ok {
		f.close()
	}
}

// ServeDNS implements plugin.Handler.
func (r *Roster) ServeDNS(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) (int, error) {
	if written, err := r.serveRaw(ctx, w, req); written {
		return dns.RcodeSuccess, err
	}
	return r.serveMessage(ctx, w, req)
}

// serveMessage is ServeDNS by way of messages. It takes a stack that goroutines of
// queries which are answered without haven't.
func (r *Roster) serveMessage(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) (int, error) {
	state := request.Request{W: w, Req: req}
	qname := state.Name()
	count := func(result string) { responses.WithLabelValues(metrics.WithServer(ctx), result).Inc() }
	z := r.zoneOf(qname, state.QType())
	if z == nil && r.Next != nil {
		return plugin.NextOrFailure(r.Name(), r.Next, ctx, w, req)
	}
	if code := refuse(z, &state); code != dns.RcodeSuccess {
		count("refused")
		return code, nil
	}
	// The status comes first: a list that is complete by then is in the
	// generation that is loaded after it.
	status := r.replica.Status()
	q := r.question(z, qname, state.QType())
	q.askedBy(r.clients.of(&state), r.signed && state.Do())
	var a answer
	switch {
	case q.kind == kindStatus:
		a = q.resolveStatus(status.State, ageOf(status))
	case !r.usable(status):
		// Nothing is known, or believed any more, not even that a name doesn't
		// exist.
		count("servfail")
		return r.fail(&state, dns.RcodeServerFailure, reasonOf(status.State))
	default:
		q, a = r.follow(q, q.resolve())
		a.stale = status.State == mirror.Stale
		namesTooLong.Add(float64(a.omitted))
		// NXDOMAIN denies all names below this one, too (RFC 8020), and those of a
		// zone within are for that zone to answer.
		a.exists = a.exists || q.qtype == dns.TypeDS && z.delegates(qname)
	}
	if !a.exists && len(a.links) == 0 && r.passesOn(qname) {
		count("fallthrough")
		return plugin.NextOrFailure(r.Name(), r.Next, ctx, w, req)
	}
	return r.reply(ctx, &state, q, &a, count)
}

// zoneOf returns the zone that answers a question, or nil: for DS at a zone's own name
// the one above, where this block has that too (RFC 4035, 3.1.4.1).
func (r *Roster) zoneOf(qname string, qtype uint16) *zone {
	z := r.zones[r.origins.Matches(qname)]
	if qtype != dns.TypeDS || z == nil || z.name != qname {
		return z
	}
	above := "."
	if off, end := dns.NextLabel(qname, 0); !end {
		above = qname[off:]
	}
	return cmp.Or(r.zones[r.origins.Matches(above)], z)
}

// refuse returns the code with which questions are turned down that z can't answer,
// whatever is registered, or RcodeSuccess. Without a zone nobody behind can either.
func refuse(z *zone, state *request.Request) int {
	switch t := state.QType(); {
	case z == nil:
		return dns.RcodeRefused
	case state.Req.Opcode != dns.OpcodeQuery:
		return dns.RcodeNotImplemented
	case malformed(state.Req):
		return dns.RcodeFormatError
	case state.QClass() != dns.ClassINET, t == dns.TypeAXFR, t == dns.TypeIXFR:
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}
