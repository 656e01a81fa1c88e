package roster

import (
	"math"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/services"
)

// defaultALPN is what clients of HTTPS assume that a server speaks (RFC 9460, 9.4).
const defaultALPN = "http/1.1"

// svcbRecords is an SVCB or HTTPS record set.
type svcbRecords struct {
	zone    *zone
	header  dns.RR_Header
	targets []svcbTarget
	origin
}

// svcbAnswer returns the record set of endpoints, which are of the service s.
func (q serviceQuestion) svcbAnswer(set *svcbSet, s *services.Service, l *limit) answer {
	fit := set.fitting.within(set.targets, q.roomBefore(q.below(s)), svcbTarget.labelLen)
	targets, _, ordered := pick(l, fit, svcbTarget.candidate, &set.pickers)
	records := &svcbRecords{q.zone, q.header(q.qname, q.qtype, q.ttls.ofSet(set.ttl)), targets, q.origin(s)}
	return answer{exists: true, records: records, ordered: ordered, omitted: len(set.targets) - len(fit)}
}

func (s *svcbRecords) count() int { return len(s.targets) }

// size is without the parameters, of which there are few octets or many.
func (s *svcbRecords) size(i int) int {
	return svcbSize + s.zone.targetSize(s.targets[i].Instance, s.below)
}

func (s *svcbRecords) exact() bool { return false }

func (s *svcbRecords) record(i int) dns.RR {
	t := s.targets[i]
	svcb := dns.SVCB{
		Hdr:      s.header,
		Priority: uint16(min(1+int(t.Priority), math.MaxUint16)), // 0 would make it an alias
		Target:   targetName(t.Instance, s.below),
		Value:    params(t),
	}
	if s.header.Rrtype == dns.TypeHTTPS {
		return &dns.HTTPS{SVCB: svcb}
	}
	return &svcb
}

func (s *svcbRecords) appendGlue(glue []dns.RR, i int, target string) []dns.RR {
	return s.zone.appendTarget(glue, target, s.targets[i].Instance, s.origin.ttls)
}

// params returns the parameters of an endpoint in ascending order of keys (RFC 9460,
// 2.2).
func params(t svcbTarget) []dns.SVCBKeyValue {
	ids := protocolIDs(t.Metadata[alpnKey])
	values := []dns.SVCBKeyValue{&dns.SVCBAlpn{Alpn: ids}}
	if !slices.Contains(ids, defaultALPN) {
		values = append(values, &dns.SVCBNoDefaultAlpn{})
	}
	if t.port != 0 {
		values = append(values, &dns.SVCBPort{Port: t.port})
	}
	addrs := distinct(t.Addresses)
	if v4 := hints(addrs, netip.Addr.Is4); len(v4) > 0 {
		values = append(values, &dns.SVCBIPv4Hint{Hint: v4})
	}
	if v6 := hints(addrs, netip.Addr.Is6); len(v6) > 0 {
		values = append(values, &dns.SVCBIPv6Hint{Hint: v6})
	}
	return values
}

func hints(addrs []netip.Addr, of func(netip.Addr) bool) (list []net.IP) {
	for _, a := range addrs {
		if of(a) {
			list = append(list, a.AsSlice())
		}
	}
	return list
}
