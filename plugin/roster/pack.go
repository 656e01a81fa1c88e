package roster

import (
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// packer packs records one after the other.
type packer struct {
	// room is where a record is packed, and data what has been packed so far.
	room, data []byte
	glue       []dns.RR
}

// pack makes the wire form of a record set whose owner is the name asked for. It
// returns nil if a record can't be packed.
func pack(set recordSet) *wire.Packed {
	var p packer
	records := make([]wire.Record, set.count())
	for i := range records {
		rr := set.record(i)
		r := &records[i]
		if !p.pack(r, rr) {
			return nil
		}
		target := targetOf(rr)
		if target == "" {
			continue
		}
		p.glue = set.appendGlue(p.glue[:0], i, target)
		r.Target, r.Glue = targetOffset(rr), make([]wire.Record, len(p.glue))
		for j := range p.glue {
			if !p.pack(&r.Glue[j], p.glue[j]) {
				return nil
			}
		}
	}
	return wire.Pack(records)
}

// pack makes a record that can be packed of another one.
func (p *packer) pack(r *wire.Record, rr dns.RR) bool {
	if n := dns.Len(rr); n > len(p.room) {
		p.room = make([]byte, 2*n)
	}
	end, err := dns.PackRR(rr, p.room, 0, nil, false)
	if err != nil {
		return false
	}
	start := len(p.data)
	p.data = append(p.data, wire.DataOf(p.room[:end])...)
	h := rr.Header()
	*r = wire.Record{Type: h.Rrtype, TTL: h.Ttl, Data: p.data[start:]}
	return true
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
