package roster

import (
	"slices"

	"github.com/rosterdns/roster/internal/services"
)

// question is what was asked, and what it is answered from.
type question struct {
	name
	*zone
	qname string // in lower case
	qtype uint16
	gen   *services.Generation
	block *settings
	// own is what is served of the service that the name is about, or nil where it
	// is about none or none is there.
	own *servedService
	// answering is what is served of the service whose instances answer for it.
	answering *servedService
	// ttls are those of the service that the name is about.
	ttls ttls
	// limit is that of answers for a service.
	limit  limit
	client *client // nil where answers don't depend on it
	// signed says that the plugin dnssec signs the answer.
	signed bool
	// whole says that answers have all records, whatever size a message has, and
	// that nothing of them is remembered: for transfers.
	whole bool
}

// serviceQuestion is a question about a service of which something is served.
type serviceQuestion struct{ *question }

// settings are those of a block that answers depend on.
type settings struct {
	ttls ttls
	// maxAnswers is how many records an answer for a service has; 0 is all.
	maxAnswers int
	clients    clients
}

// question returns what a query asks, and the generation and the instances that
// it is answered from.
func (r *Roster) question(z *zone, qname string, qtype uint16) *question {
	q := &question{name: z.parse(qname), zone: z, qname: qname, qtype: qtype, gen: r.replica.Load()}
	q.within(&r.settings)
	return q
}

// within makes the question one to a block with these settings, about the service that
// its name says.
func (q *question) within(block *settings) {
	q.block, q.ttls, q.limit = block, block.ttls, limit{answers: block.maxAnswers}
	if q.service != "" {
		q.ask(q.gen.Service(q.namespace, q.service))
	}
}

// askedBy says who asks, and whether the answer is signed. The plugin dnssec keeps
// signatures by the records, so that those are picked that are always the same.
func (q *question) askedBy(c *client, signed bool) {
	q.client, q.signed = c, signed
	if signed && q.answering != nil {
		q.limit.random = sameFor(q.answering.service)
	}
}

// ask makes the question one about a service, or nil if there is none.
func (q *question) ask(s *services.Service) {
	q.own = q.serve(s)
	q.answering = q.own
	if q.own == nil {
		return
	}
	p := s.Policy()
	q.ttls = q.block.ttls.under(p)
	if p != nil && p.MaxAnswers > 0 {
		q.limit.answers = p.MaxAnswers
	}
	if p.Redirects() {
		q.answering = q.answeringFor(s)
	}
}

// answeringFor returns what is served of the service that answers for one with an
// alias or failover: nothing of one that isn't there.
func (q *question) answeringFor(s *services.Service) *servedService {
	if sv := q.serve(q.gen.Answering(s)); sv != nil {
		return sv
	}
	return newServed(s.WithoutInstances())
}

// selected returns the selection from a service that a question is answered from, and
// whether the locality of clients plays a part in which one that is.
func (q serviceQuestion) selected(sv *servedService) (s *selection, local bool) {
	n := q.selector
	if n.locality == "" && len(q.block.clients.nets) > 0 {
		labels := sv.view().labels()
		local = slices.ContainsFunc(q.block.clients.nets, func(l localityNet) bool { return len(labels.localities[l.locality]) > 0 })
		if local && q.client != nil {
			n.locality, n.prefer = q.client.locality, q.client.locality != ""
		}
	}
	return sv.view().selection(n), local
}

// serve returns what is served of a service, nil of none.
func (q *question) serve(s *services.Service) *servedService {
	switch {
	case s == nil:
		return nil
	case q.whole: // who reads all services, each once
		return newServed(s)
	}
	return servedOf(s)
}
