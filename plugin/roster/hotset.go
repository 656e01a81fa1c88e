package roster

import "github.com/miekg/dns"

// hotSet returns the record set that answers a hot question, and the key of its packed
// form. It is nil where it isn't remembered. Where the answer depends on nothing but the
// version of a service the set is found without the service's view.
func (q serviceQuestion) hotSet() (set *setBase, key packKey) {
	at := hotKey{q.qtype, q.portKey()}
	if q.isPlain() {
		set = q.answering.hot.find(at)
	}
	if set == nil {
		if set = q.selectedSet(); set == nil {
			return nil, key
		}
		if q.isPlain() {
			set = q.answering.hot.add(at, set)
		}
	}
	key = packKey{rrtype: q.qtype, ttl: q.ttls.ofSet(set.ttl)}
	if q.qtype != dns.TypeA && q.qtype != dns.TypeAAAA {
		key.zone, key.glue = q.zone.name, q.block.ttls.under(q.answering.service.Policy())
	}
	return set, key
}

// isPlain reports whether the answer depends on no selector, and not on who asks.
func (q *question) isPlain() bool {
	return q.selector == nameSelector{} && len(q.block.clients.nets) == 0
}

// pickerOf returns what some of the records of a hot set are picked by, or nil if that is
// not made yet. It is made in the view.
func (q serviceQuestion) pickerOf(set *setBase, n int) weights {
	if p := set.picker(n); p != nil {
		return p
	}
	if viewed := q.selectedSet(); viewed != nil && viewed != set {
		set.pickers.take(&viewed.pickers, n)
	}
	return set.picker(n)
}

// found returns the places of packed forms that are found without the service's view, if
// the set's are among them; else nil.
func (q *question) found(set *setBase) *packSlots {
	if q.isPlain() && q.answering.hot.find(hotKey{q.qtype, q.portKey()}) == set {
		return &q.answering.slots
	}
	return nil
}

// selectedSet is hotSet by the service's view.
func (q serviceQuestion) selectedSet() (set *setBase) {
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
