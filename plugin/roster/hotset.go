package roster

import "github.com/miekg/dns"

// The answer to a hot question is packed once for each record set. Where it depends on the
// version of a service alone, the version remembers the set, so that later questions find
// it without the service's view, which may have to be made again.

// hotSet returns the record set that answers a hot question; nil where messages have to
// answer it. remembered says that the version of the service has the set among its hot
// ones: its packed forms are then retired with the version.
func (q serviceQuestion) hotSet() (set *setBase, remembered bool) {
	if !q.isPlain() {
		return q.viewedSet(), false
	}
	key := hotKey{q.qtype, q.portKey()}
	if set = q.answering.hot.find(key); set != nil {
		return set, true
	}
	if set = q.viewedSet(); set == nil {
		return nil, false
	}
	return q.answering.hot.add(key, set)
}

// isPlain reports whether the answer depends on no selector, and not on who asks.
func (q *question) isPlain() bool {
	return q.selector == nameSelector{} && len(q.block.clients.nets) == 0
}

// viewedSet returns the record set that answers a hot question from the service's view;
// nil where messages have to answer it.
func (q serviceQuestion) viewedSet() (set *setBase) {
	s, _ := q.selected(q.answering)
	var n int
	switch {
	case s.passing:
		return nil
	case q.kind == kindPort:
		srv := s.srvAt(q.portKey())
		if srv == nil {
			return nil
		}
		set, n = srv.setBase, srv.len()
	case s.soleHost() != nil:
		return nil
	case q.qtype == dns.TypeA || q.qtype == dns.TypeAAAA:
		addresses := s.addressSet(q.qtype)
		set, n = addresses.setBase, addresses.len()
	case q.qtype == dns.TypeSRV:
		srv := s.srvSet()
		set, n = srv.setBase, srv.len()
	default:
		svcb := s.svcbSet()
		set, n = svcb.setBase, len(svcb.targets)
	}
	set.count.Store(int64(n))
	return set
}

// packKeyOf returns the key of the packed form of a hot set that answers the question.
func (q serviceQuestion) packKeyOf(set *setBase) packKey {
	key := packKey{rrtype: q.qtype, ttl: q.ttls.ofSet(set.ttl)}
	if q.qtype != dns.TypeA && q.qtype != dns.TypeAAAA {
		key.zone, key.glue = q.zone.name, q.block.ttls.under(q.answering.service.Policy())
	}
	return key
}

// pickerOf returns what some of the n records of a hot set are picked by; nil if it is not
// made yet. Messages make it for the set in the view, which is another one than a
// remembered set if the view has been made again.
func (q serviceQuestion) pickerOf(set *setBase, n int) weights {
	if p := set.picker(n); p != nil {
		return p
	}
	if viewed := q.viewedSet(); viewed != nil && viewed != set {
		set.pickers.take(&viewed.pickers, n)
	}
	return set.picker(n)
}
