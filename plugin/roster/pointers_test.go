package roster

import (
	"strconv"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// TestPortsBeyondPointers checks that a list of ports fits a message in which the first
// port of a protocol is where no compression pointer reaches, to the last octet.
func TestPortsBeyondPointers(t *testing.T) {
	t.Parallel()
	const domain = "default.svc.internal."
	q := &question{qname: "_services._dns-sd._udp." + domain}
	for _, udp := range []int{0, 700, 2000} {
		port := func(i int) portKey {
			k := portKey{name: "p" + strconv.Itoa(10_000+i), protocol: catalog.ProtocolTCP}
			if i < udp {
				k.protocol = catalog.ProtocolUDP
			}
			return k
		}
		a := q.pointToPorts(10_000, 5, port, domain)
		m := new(dns.Msg).SetQuestion(q.qname, dns.TypePTR)
		_, cut := render(m, a.records, &order{}, dns.MaxMsgSize)
		m.Compress = true
		wire, err := m.Pack()
		if err != nil || !cut {
			t.Fatalf("after %d udp ports: cut: %v, %v", udp, cut, err)
		}
		if room := dns.MaxMsgSize - len(wire); room < 0 || room >= a.records.size(0) {
			t.Errorf("after %d udp ports: %d records take %d octets, and the next one %d", udp, len(m.Answer), len(wire), a.records.size(0))
		}
	}
}
