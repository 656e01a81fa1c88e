package roster

import (
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// pack makes the wire form of a record set whose owner is the name asked for. It
// reports false if a record can't be packed.
func pack(set recordSet) (*wire.Packed, bool) {
	records := make([]wire.Record, set.count())
	var glue []dns.RR
	for i := range records {
		rr := set.record(i)
		r := &records[i]
		if !packRecord(r, rr) {
			return nil, false
		}
		target := targetOf(rr)
		if target == "" {
			continue
		}
		glue = set.appendGlue(glue[:0], i, target)
		r.Target = targetOffset(rr)
		r.Glue = make([]wire.Record, len(glue))
		for j := range glue {
			if !packRecord(&r.Glue[j], glue[j]) {
				return nil, false
			}
		}
	}
	return wire.Pack(records), true
}

func packRecord(r *wire.Record, rr dns.RR) bool {
	h := rr.Header()
	*r = wire.Record{Type: h.Rrtype, TTL: h.Ttl, Data: dataOf(rr)}
	return r.Data != nil
}

// targetOffset returns where in its data a record has the name that it points to.
func targetOffset(rr dns.RR) int {
	switch rr.(type) {
	case *dns.SRV:
		return 6 // after priority, weight and port
	case *dns.SVCB, *dns.HTTPS:
		return 2 // after the priority
	}
	return 0
}
