package resolve_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/cmd/registrar/internal/resolve"
	"github.com/rosterdns/roster/internal/mirror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const zone = "svc.internal"

func TestParse(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{
		"orders.default.svc.internal":                                        "default/orders   [] pin= prefer= <nil>",
		"Orders.Default.SVC.internal.":                                       "default/orders   [] pin= prefer= <nil>",
		"a.orders.default.svc.internal":                                      "default/orders a [] pin= prefer= <nil>",
		"_http._tcp.orders.default.svc.internal":                             "default/orders   [] pin= prefer= &{http 0 tcp}",
		"_8080._udp.orders.default.svc.internal":                             "default/orders   [] pin= prefer= &{ 8080 udp}",
		"canary._tag.orders.default.svc.internal":                            "default/orders   [canary] pin= prefer= <nil>",
		"_http._tcp.b._tag.a._tag.az1.pin._zone.orders.default.svc.internal": "default/orders   [b a] pin=az1 prefer= &{http 0 tcp}",
		"az1.prefer._zone.orders.default.svc.internal":                       "default/orders   [] pin= prefer=az1 <nil>",
		"orders.default.example.org":                                         `error: "orders.default.example.org" is not in the zone svc.internal: set --zone`,
		"default.svc.internal":                                               "error: ",
		"svc.internal":                                                       "error: ",
		"_status.svc.internal":                                               "error: ",
		"_services._dns-sd._udp.default.svc.internal":                        "error: ",
		"_services._dns-sd._udp.orders.default.svc.internal":                 "error: ",
		"a._http._tcp.orders.default.svc.internal":                           "error: ",
		"a.b.orders.default.svc.internal":                                    "error: ",
		"_tcp.orders.default.svc.internal":                                   "error: ",
		"_http._sctp.orders.default.svc.internal":                            "error: ",
		"az1.near._zone.orders.default.svc.internal":                         "error: ",
		"e._tag.d._tag.c._tag.b._tag.a._tag.orders.default.svc.internal":     "error: ",
		"orders.dns.svc.internal":                                            "error: ",
		"_0._tcp.orders.default.svc.internal":                                "error: ",
		"canary._tag.az1.pin._zone.canary._tag.orders.default.svc.internal":  "error: ",
		"canary._tag._http._tcp.orders.default.svc.internal":                 "error: ",
		"_http._tcp.az1.prefer._zone.orders.default.svc.internal":            "default/orders   [] pin= prefer=az1 &{http 0 tcp}",
		"_http._tcp.a._tag.b._tag.c._tag.d._tag.orders.default.svc.internal": "default/orders   [a b c d] pin= prefer= &{http 0 tcp}",
	} {
		n, err := resolve.Parse(domain, zone)
		s := n.Selector
		got := fmt.Sprintf("%s %-1s %v pin=%s prefer=%s %v", n.Service, n.Instance, s.Tags, s.Locality, s.Prefer, n.Port)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want && !(err != nil && want == "error: ") {
			t.Errorf("%s:\n%s\nwant\n%s", domain, got, want)
		}
	}
}

// TestOfService shows that a name with selectors has the domain that means the same.
func TestOfService(t *testing.T) {
	t.Parallel()
	orders := catalog.ServiceName{Namespace: "default", Name: "orders"}
	for _, tt := range []struct {
		selector catalog.Selector
		want     string // empty: there is none
	}{
		{catalog.Selector{}, "orders.default.svc.internal."},
		{catalog.Selector{Tags: []string{"a", "b"}, Locality: "az1"}, "a._tag.b._tag.az1.pin._zone.orders.default.svc.internal."},
		{catalog.Selector{Prefer: "az1"}, "az1.prefer._zone.orders.default.svc.internal."},
		{catalog.Selector{AnyStatus: true}, ""},
		{catalog.Selector{Locality: "az1", Prefer: "az2"}, ""},
		{catalog.Selector{Tags: []string{"a", "b", "c", "d", "e"}}, ""},
	} {
		n, err := resolve.OfService(orders, tt.selector, zone)
		if n.Domain != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %q, %v; want %q", tt.selector, n.Domain, err, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		again, err := resolve.Parse(n.Domain, zone)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(n) {
			t.Errorf("%s is parsed as %v, %v; want %v", n.Domain, again, err, n)
		}
	}
}

// registry has each kind of instance and policy that matters to an answer.
func registry() *inspect.Registry {
	var keys []mirror.Event
	add := func(key, value string) {
		keys = append(keys, mirror.Event{Key: key, Value: []byte(value), ModRevision: int64(len(keys) + 1), Lease: 7})
	}
	add("default/orders/a", `{"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":80},{"port":53,"protocol":"udp"}],"locality":"az1","tags":["canary"]}`)
	add("default/orders/b", `{"addresses":["10.0.0.2"],"ports":[{"name":"http","port":80}],"priority":5,"weight":7,"locality":"az2"}`)
	add("default/orders/c", `{"addresses":["10.0.0.3"],"ports":[{"name":"http","port":80}]}`)
	add("default/orders/_status/c", `{"status":"draining"}`)
	add("default/orders/h", `{"host":"DB.example.com","ports":[{"name":"http","port":8080}],"locality":"az3"}`)
	add("default/host/h", `{"host":"db.example.com","ports":[{"port":5432}]}`)
	add("default/idle/a", `{"addresses":["10.0.0.4"],"status":"down"}`)
	add("default/open/a", `{"addresses":["10.0.0.5"],"status":"down"}`)
	add("default/open/_policy", `{"min_up":1}`)
	add("default/other/_policy", `{"alias":"default/orders","max_answers":1}`)
	add("default/spare/a", `{"addresses":["10.0.0.6"],"status":"draining"}`)
	add("default/spare/_policy", `{"failover":["default/idle","default/host"]}`)
	return inspect.New(keys, 50)
}

func TestExpected(t *testing.T) {
	t.Parallel()
	g := registry().Generation
	const all = "SRV 0 100 53 a.orders.default.svc.internal.|SRV 0 100 80 a.orders.default.svc.internal.|SRV 0 100 8080 db.example.com.|" +
		"SRV 5 7 80 b.orders.default.svc.internal.|A 10.0.0.1|AAAA 2001:db8::1"
	for domain, want := range map[string]string{
		"orders.default":                             all,
		"other.default":                              all,
		"a.orders.default":                           "SRV 0 100 53 a.orders.default.svc.internal.|SRV 0 100 80 a.orders.default.svc.internal.|A 10.0.0.1|AAAA 2001:db8::1",
		"c.orders.default":                           "SRV 0 100 80 c.orders.default.svc.internal.|A 10.0.0.3",
		"h.orders.default":                           "CNAME db.example.com.",
		"x.orders.default":                           "",
		"canary._tag.orders.default":                 "SRV 0 100 53 a.orders.default.svc.internal.|SRV 0 100 80 a.orders.default.svc.internal.|A 10.0.0.1|AAAA 2001:db8::1",
		"az2.pin._zone.orders.default":               "SRV 5 7 80 b.orders.default.svc.internal.|A 10.0.0.2",
		"az3.pin._zone.orders.default":               "CNAME db.example.com.",
		"az9.pin._zone.orders.default":               "",
		"az9.prefer._zone.orders.default":            all,
		"_53._udp.orders.default":                    "SRV 0 100 53 a.orders.default.svc.internal.",
		"_8080._tcp.orders.default":                  "SRV 0 100 8080 db.example.com.",
		"_53._udp.az2.prefer._zone.orders.default":   "SRV 0 100 53 a.orders.default.svc.internal.",
		"_http._tcp.az2.prefer._zone.orders.default": "SRV 5 7 80 b.orders.default.svc.internal.",
		"host.default":                               "CNAME db.example.com.",
		"_5432._tcp.host.default":                    "SRV 0 100 5432 db.example.com.",
		"idle.default":                               "",
		"open.default":                               "A 10.0.0.5",
		"spare.default":                              "CNAME db.example.com.",
		"nope.default":                               "",
	} {
		n, err := resolve.Parse(domain+"."+zone, zone)
		if err != nil {
			t.Fatal(err)
		}
		records, limit := resolve.Expected(g, &n)
		compared, _ := resolve.Compare(nil, records, 0, nil)
		var got []string
		for _, c := range compared {
			got = append(got, c.Type+" "+c.Data)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s:\n%s\nwant\n%s", domain, strings.Join(got, "|"), want)
		}
		if wantLimit := map[bool]int{true: 1}[domain == "other.default"]; limit != wantLimit {
			t.Errorf("%s: the limit is %d, want %d", domain, limit, wantLimit)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	records := func(list ...string) (records []resolve.Record) {
		for _, r := range list {
			rrtype, data, _ := strings.Cut(r, " ")
			records = append(records, resolve.Record{Type: rrtype, Data: data})
		}
		return records
	}
	three := records("SRV 0 10 80 a.", "SRV 0 20 80 b.", "SRV 0 30 80 c.")
	for _, tt := range []struct {
		name               string
		answered, expected []resolve.Record
		limit              int
		differences        int
		shown              int
	}{
		{"equal", records("A 10.0.0.2", "A 10.0.0.1"), records("A 10.0.0.1", "A 10.0.0.2"), 0, 0, 2},
		{"one has more", records("A 10.0.0.2"), records("A 10.0.0.1", "A 10.0.0.2"), 0, 1, 2},
		{"the other has more", records("A 10.0.0.1", "A 10.0.0.2"), records("A 10.0.0.2"), 0, 1, 2},
		{"an alias in place of addresses", records("CNAME a."), records("A 10.0.0.1"), 0, 2, 2},
		{"another weight", records("SRV 0 10 80 a."), records("SRV 0 11 80 a."), 0, 2, 2},
		{"a choice, with equal weights", records("SRV 0 100 80 a.", "SRV 0 100 80 c."), three, 2, 0, 3},
		{"too few to choose", records("SRV 0 100 80 a."), three, 2, 2, 3},
		{"a choice with one that is not there", records("SRV 0 100 80 a.", "SRV 0 100 80 x."), three, 2, 1, 4},
		{"no choice", three, three, 3, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, differences := resolve.Compare(tt.answered, tt.expected, tt.limit, nil)
			if differences != tt.differences || len(list) != tt.shown {
				t.Errorf("%d of %d records differ, want %d of %d: %v", differences, len(list), tt.differences, tt.shown, list)
			}
		})
	}
}

// TestCompareFull shows that records which a message has no room for are no difference,
// and that one which nobody registered is.
func TestCompareFull(t *testing.T) {
	t.Parallel()
	const domain = "huge.default.svc.internal."
	m := new(dns.Msg).SetQuestion(domain, dns.TypeA)
	var expected []resolve.Record
	for i := range 5000 {
		ip := net.IPv4(10, 0, byte(i>>8), byte(i))
		expected = append(expected, resolve.Record{Type: "A", Data: ip.String()})
		if i < 4090 { // 16 octets each
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: domain, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}, A: ip})
		}
	}
	differences := func() int {
		answers := []*dns.Msg{m}
		_, n := resolve.Compare(resolve.Answered(domain, answers), expected, 0, resolve.Full(answers))
		return n
	}
	if n := differences(); n != 0 {
		t.Errorf("%d differences, want none: the message is full", n)
	}
	m.Answer[0].(*dns.A).A = net.IPv4(10, 9, 9, 9)
	if n := differences(); n != 1 {
		t.Errorf("%d differences, want the record that is too many", n)
	}
	m.Answer = m.Answer[1:4000]
	if n := differences(); n != 1001 {
		t.Errorf("%d differences, want those that there was room for", n)
	}
}

// TestAnswered shows that records of other names, such as those that an alias leads to,
// are left out.
func TestAnswered(t *testing.T) {
	t.Parallel()
	answer := func(qtype uint16, records ...string) *dns.Msg {
		m := new(dns.Msg).SetQuestion("host.default.svc.internal.", qtype)
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		return m
	}
	const alias = "HOST.default.svc.internal. 5 IN CNAME DB.example.com."
	got := resolve.Answered("host.default.svc.internal.", []*dns.Msg{
		answer(dns.TypeA, alias, "db.example.com. 5 IN A 10.0.0.1"),
		answer(dns.TypeSRV, alias),
	})
	if want := []resolve.Record{{Type: "CNAME", Data: "db.example.com."}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
