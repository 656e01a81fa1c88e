package roster

import (
	"net"
	"net/netip"
	"testing"

	plugintest "github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

const located = "roster {\n locality 10.240.0.0/16 2001:db8:1::/48 az1\n locality 10.240.7.0/24 az2\n locality 10.9.0.0/16 nowhere\n ecs_trust 192.0.2.0/24\n}"

// from is a client of an address.
type from struct {
	plugintest.ResponseWriter
	address string
}

func (f *from) RemoteAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(f.address), 4711))
}

// askFrom asks from an address, with a client subnet unless it is empty, and returns
// the answer and its subnet.
func askFrom(t *testing.T, r *Roster, address, subnet, question string) (*dns.Msg, *dns.EDNS0_SUBNET) {
	t.Helper()
	req := withEDNS(query(question), 1232, false)
	if subnet != "" {
		p := netip.MustParsePrefix(subnet)
		o := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
		if p.Addr().Is6() {
			o.Family = 2
		}
		opt := req.IsEdns0()
		opt.Option = append(opt.Option, o)
	}
	w := &from{address: address}
	rec := &recorder{ResponseWriter: w}
	if _, err := r.ServeDNS(t.Context(), rec, req); err != nil {
		t.Fatal(err)
	}
	wire, err := rec.written.Pack()
	if err != nil {
		t.Fatal(err)
	}
	got := new(dns.Msg)
	if err := got.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	return got, subnetOf(got)
}

// recorder keeps what is written.
type recorder struct {
	dns.ResponseWriter
	written *dns.Msg
}

func (r *recorder) WriteMsg(m *dns.Msg) error {
	r.written = m
	return nil
}

func TestLocality(t *testing.T) {
	t.Parallel()
	r := serving(t, located, fleet)
	for _, tt := range []struct {
		client, question string
		want             int
	}{
		{"10.240.1.1", "web.default.svc.internal. A", 2},
		{"::ffff:10.240.1.1", "web.default.svc.internal. A", 2},
		{"2001:db8:1::7", "web.default.svc.internal. A", 2},
		{"10.240.7.1", "web.default.svc.internal. A", 1}, // the longer prefix
		{"10.9.0.1", "web.default.svc.internal. A", 3},   // nobody is there
		{"10.8.0.1", "web.default.svc.internal. A", 3},
		{"10.240.7.1", "_http._tcp.web.default.svc.internal. SRV", 1},
		{"10.240.7.1", "blue._tag.web.default.svc.internal. A", 2}, // nobody of them is there
		{"10.240.1.1", "blue._tag.web.default.svc.internal. A", 2},
		{"10.240.7.1", "canary._tag.web.default.svc.internal. A", 1},
		{"10.240.7.1", "_admin._tcp.web.default.svc.internal. SRV", 1}, // only another has it
		// What the name says comes first.
		{"10.240.7.1", "az1.pin._zone.web.default.svc.internal. A", 2},
		{"10.240.7.1", "az1.prefer._zone.web.default.svc.internal. A", 2},
		{"10.240.7.1", "a.web.default.svc.internal. A", 1},
		{"10.240.7.1", "_http._tcp.web.default.svc.internal. PTR", 4},
	} {
		if got, _ := askFrom(t, r, tt.client, "", tt.question); len(got.Answer) != tt.want {
			t.Errorf("%s from %s: %d records, want %d", tt.question, tt.client, len(got.Answer), tt.want)
		}
	}
}

func TestClientSubnet(t *testing.T) {
	t.Parallel()
	r := serving(t, located, fleet)
	const forwarder, web = "192.0.2.1", "web.default.svc.internal. A"
	for _, tt := range []struct {
		client, subnet, question string
		want                     int
		scope                    uint8
	}{
		{forwarder, "10.240.1.0/24", web, 2, 22}, // 10.240.7.0/24 is another
		{forwarder, "10.240.128.0/24", web, 2, 17},
		{forwarder, "10.240.7.0/24", web, 1, 24},
		{forwarder, "10.240.7.9/32", web, 1, 24},
		{forwarder, "2001:db8:1::/56", web, 2, 48},
		{forwarder, "2001:db8:2::/56", web, 3, 47},
		{forwarder, "10.0.0.0/8", web, 3, 13},
		{forwarder, "0.0.0.0/0", web, 3, 0},
		{forwarder, "10.240.7.0/24", "az1.pin._zone.web.default.svc.internal. A", 2, 0},
		{forwarder, "10.240.7.0/24", "a.web.default.svc.internal. A", 1, 0},
		{forwarder, "10.240.7.0/24", "nope.default.svc.internal. A", 0, 0},
		{forwarder, "10.240.7.0/24", "svc.internal. SOA", 1, 0},
		{forwarder, "10.240.7.0/24", "_http._tcp.web.default.svc.internal. SRV", 1, 24},
	} {
		got, subnet := askFrom(t, r, tt.client, tt.subnet, tt.question)
		p := netip.MustParsePrefix(tt.subnet)
		if len(got.Answer) != tt.want || subnet == nil || subnet.SourceScope != tt.scope || int(subnet.SourceNetmask) != p.Bits() || subnet.Address.String() != p.Addr().String() {
			t.Errorf("%s for %s: %d records, %v, want %d and scope %d", tt.question, tt.subnet, len(got.Answer), subnet, tt.want, tt.scope)
		}
	}
	// Who isn't trusted is answered by the own address, without a word.
	if got, subnet := askFrom(t, r, "10.240.7.1", "10.240.1.0/24", web); len(got.Answer) != 1 || subnet != nil {
		t.Errorf("not trusted: %d records, %v", len(got.Answer), subnet)
	}
	if _, subnet := askFrom(t, r, forwarder, "", web); subnet != nil {
		t.Errorf("without a subnet in the query: %v", subnet)
	}
	// The locality that decided on the first CNAME decided on the answer.
	chain := serving(t, located, values{
		"d/s/a": `{"host":"t.d.svc.internal","locality":"az2"}`, "d/s/b": `{"addresses":["10.0.0.1"]}`, "d/t/a": `{"addresses":["10.0.0.2"]}`,
	})
	if got, subnet := askFrom(t, chain, forwarder, "10.240.7.0/24", "s.d.svc.internal. A"); len(got.Answer) != 2 || subnet == nil || subnet.SourceScope != 24 {
		t.Errorf("by way of a host: %v", got)
	}
	// Where no instance has one of the localities these play no part.
	if _, subnet := askFrom(t, serving(t, located, shop), forwarder, "10.240.7.0/24", "orders.default.svc.internal. A"); subnet == nil || subnet.SourceScope != 0 {
		t.Errorf("a service without localities: %v", subnet)
	}
}

func TestCommonBits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want uint8
	}{
		{"10.0.0.0", "10.0.0.0", 32},
		{"10.0.0.0", "10.0.0.1", 31},
		{"10.240.0.0", "10.241.7.1", 15},
		{"0.0.0.0", "128.0.0.0", 0},
		{"2001:db8::", "2001:db8::", 128},
		{"2001:db8::", "2001:db8::1", 127},
		{"2001:db8:1::", "2001:db8:2::", 46},
		{"::", "8000::", 0},
	} {
		if got := commonBits(netip.MustParseAddr(tt.a), netip.MustParseAddr(tt.b)); got != tt.want {
			t.Errorf("%s and %s: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
