package roster

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// withOption adds an OPT record with an option to a query.
func withOption(question string, o dns.EDNS0) *dns.Msg {
	m := withEDNS(query(question), 1232, false)
	m.IsEdns0().Option = []dns.EDNS0{o}
	return m
}

func subnetOption(family uint16, source, scope uint8, address string) *dns.EDNS0_SUBNET {
	return &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: source, SourceScope: scope, Address: net.ParseIP(address)}
}

// TestClientSubnetOption checks that a client subnet is neither echoed nor of any
// influence, and that one which breaks a rule of RFC 7871, 6, is FORMERR.
func TestClientSubnetOption(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", shop)
	for _, tt := range []struct {
		subnet *dns.EDNS0_SUBNET
		want   int
	}{
		{subnetOption(1, 24, 0, "192.0.2.0"), dns.RcodeSuccess},
		{subnetOption(1, 32, 0, "192.0.2.1"), dns.RcodeSuccess},
		{subnetOption(1, 0, 0, "0.0.0.0"), dns.RcodeSuccess},
		{subnetOption(2, 56, 0, "2001:db8::"), dns.RcodeSuccess},
		{subnetOption(0, 0, 0, "0.0.0.0"), dns.RcodeSuccess}, // dig +subnet=0
		{subnetOption(1, 24, 24, "192.0.2.0"), dns.RcodeFormatError},
		{subnetOption(1, 24, 0, "192.0.2.1"), dns.RcodeFormatError},
		{subnetOption(1, 23, 0, "192.0.3.0"), dns.RcodeFormatError},
		{subnetOption(2, 47, 0, "2001:db8:1::"), dns.RcodeFormatError},
		{subnetOption(2, 56, 1, "2001:db8::"), dns.RcodeFormatError},
	} {
		req := new(dns.Msg)
		wire, err := withOption("orders.default.svc.internal. A", tt.subnet).Pack()
		if err == nil {
			err = req.Unpack(wire)
		}
		// miekg/dns masks addresses when it packs.
		req.IsEdns0().Option[0].(*dns.EDNS0_SUBNET).Address = tt.subnet.Address
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, r, req, false)
		if got.Rcode != tt.want || (len(got.Answer) > 0) != (tt.want == dns.RcodeSuccess) {
			t.Errorf("%s: %v, want %s", tt.subnet, got, dns.RcodeToString[tt.want])
		}
		if opt := got.IsEdns0(); tt.want == dns.RcodeSuccess && (opt == nil || len(opt.Option) > 0) {
			t.Errorf("%s: OPT %v", tt.subnet, opt)
		}
	}
}

// TestFormErr checks what is malformed wherever it comes from.
func TestFormErr(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", shop)
	two := query("orders.default.svc.internal. A")
	two.Question = append(two.Question, two.Question[0])
	twice := withEDNS(query("orders.default.svc.internal. A"), 1232, false)
	twice.Extra = append(twice.Extra, twice.Extra[0])
	for what, req := range map[string]*dns.Msg{"two questions": two, "two OPT records": twice} {
		if code, err := r.ServeDNS(t.Context(), nil, req); code != dns.RcodeFormatError || err != nil {
			t.Errorf("%s: code %d, error %v", what, code, err)
		}
	}
}

// TestExtendedErrors checks what clients with EDNS, and only these, are told of
// data that is missing or old.
func TestExtendedErrors(t *testing.T) {
	t.Parallel()
	const none = 0xffff
	live := mirror.Status{State: mirror.Live, Contact: time.Now()}
	stale := mirror.Status{State: mirror.Stale, Contact: time.Now().Add(-time.Minute)}
	for _, tt := range []struct {
		what     string
		status   mirror.Status
		block    string
		question string
		rcode    int
		code     uint16
	}{
		{"live", live, "roster", "orders.default.svc.internal. A", dns.RcodeSuccess, none},
		{"stale", stale, "roster", "orders.default.svc.internal. A", dns.RcodeSuccess, dns.ExtendedErrorCodeStaleAnswer},
		{"stale", stale, "roster", "orders.default.svc.internal. SRV", dns.RcodeSuccess, dns.ExtendedErrorCodeStaleAnswer},
		{"stale NODATA", stale, "roster", "orders.default.svc.internal. MX", dns.RcodeSuccess, dns.ExtendedErrorCodeStaleAnswer},
		{"stale NXDOMAIN", stale, "roster", "nope.default.svc.internal. A", dns.RcodeNameError, dns.ExtendedErrorCodeStaleNXDOMAINAnswer},
		{"stale status", stale, "roster", "_status.svc.internal. TXT", dns.RcodeSuccess, none},
		{"within stale", stale, "roster {\n stale 2m\n}", "orders.default.svc.internal. A", dns.RcodeSuccess, dns.ExtendedErrorCodeStaleAnswer},
		{"beyond stale", stale, "roster {\n stale 30s\n}", "orders.default.svc.internal. A", dns.RcodeServerFailure, dns.ExtendedErrorCodeInvalidData},
		{"no list", mirror.Status{}, "roster", "nope.default.svc.internal. A", dns.RcodeServerFailure, dns.ExtendedErrorCodeNotReady},
		{"no list, status", mirror.Status{}, "roster", "_status.svc.internal. TXT", dns.RcodeSuccess, none},
	} {
		t.Run(tt.what+" "+tt.question, func(t *testing.T) {
			t.Parallel()
			r := servingRegistry(t, tt.block, &fakeReplica{storeOf(t, shop), func() mirror.Status { return tt.status }})
			for _, do := range []bool{false, true} {
				got := ask(t, r, withEDNS(query(tt.question), 1232, do), false)
				opt, ok := got.Extra[len(got.Extra)-1].(*dns.OPT)
				if !ok || got.Rcode != tt.rcode || opt.Do() != do {
					t.Fatalf("%v: want %s, OPT at the end, DO %v", got, dns.RcodeToString[tt.rcode], do)
				}
				if tt.code == none {
					if len(opt.Option) > 0 {
						t.Errorf("options %v", opt.Option)
					}
					continue
				}
				if len(opt.Option) != 1 || opt.Option[0].(*dns.EDNS0_EDE).InfoCode != tt.code {
					t.Errorf("options %v, want code %d", opt.Option, tt.code)
				}
				if got.Rcode == dns.RcodeServerFailure && (got.Authoritative || len(got.Answer)+len(got.Ns) > 0) {
					t.Errorf("want the code alone: %v", got)
				}
			}
			if got := ask(t, r, query(tt.question), false); got.Rcode != tt.rcode || got.IsEdns0() != nil {
				t.Errorf("without EDNS: %v", got)
			}
		})
	}
}
