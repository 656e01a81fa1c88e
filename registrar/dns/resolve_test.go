package dns

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// TestLookups has what GetService makes of answers.
func TestLookups(t *testing.T) {
	t.Parallel()
	hostID := (&registrar.Instance{Host: "db1.example.com", Ports: []registrar.Port{{Port: 5432}}}).StableID()
	portless := (&registrar.Instance{Host: "db1.example.com"}).StableID()
	for name, tt := range map[string]struct {
		asked  string
		lines  []string
		change func(*server)
		opts   []registrar.Option
		want   []string
	}{
		"a service": {"orders", orders, nil, nil, []string{"a 10.0.0.1 http:8080/tcp 0/100", "b 10.0.0.2 http:8080/tcp 0/100"}},
		"no glue": {
			"orders", append([]string{"b.orders.default AAAA 2001:db8::2"}, orders...), func(s *server) { s.noGlue = true }, nil,
			[]string{"a 10.0.0.1 http:8080/tcp 0/100", "b 10.0.0.2 2001:db8::2 http:8080/tcp 0/100"},
		},
		"an address that is gone":   {"orders", orders[:6], nil, nil, []string{"a 10.0.0.1 http:8080/tcp 0/100"}},
		"upper case":                {"orders", orders, func(s *server) { s.change = upperCase }, nil, []string{"a 10.0.0.1 http:8080/tcp 0/100", "b 10.0.0.2 http:8080/tcp 0/100"}},
		"selectors":                 {"orders?tag=v2&tag=blue&prefer=az1", selected, nil, nil, []string{"a 10.0.0.1 http:8080/tcp 0/100"}},
		"several ports":             {"game/chat", chat, nil, nil, []string{"a 10.0.0.1 :7000/tcp grpc:8080/tcp http:8080/tcp voice:9000/udp 1/7"}},
		"without names":             {"orders", []string{"orders.default SRV 0 100 8080 a.orders.default", "a.orders.default A 10.0.0.1"}, nil, nil, []string{"a 10.0.0.1 :8080/tcp 0/100"}},
		"no member":                 {"orders", []string{"orders.default SRV 0 0 0 ."}, nil, nil, nil},
		"port 0":                    {"orders", []string{"orders.default SRV 0 1 0 a.orders.default", "a.orders.default A 10.0.0.1"}, nil, nil, nil},
		"weight 0":                  {"orders", []string{"orders.default SRV 0 0 80 a.orders.default", "a.orders.default A 10.0.0.1"}, nil, nil, []string{"a 10.0.0.1 :80/tcp 0/1"}},
		"an address nobody can use": {"orders", []string{"orders.default SRV 0 0 80 a.orders.default", "a.orders.default A 127.0.0.1", "orders.default SRV 0 0 80 b.orders.default", "b.orders.default A 224.0.0.1"}, nil, nil, []string{"a 127.0.0.1 :80/tcp 0/1"}},
		"records twice":             {"orders", []string{"orders.default SRV 1 5 80 a.orders.default", "orders.default SRV 0 5 80 a.orders.default", "orders.default SRV 0 9 80 a.orders.default", "a.orders.default A 10.0.0.1", "a.orders.default A 10.0.0.1"}, nil, nil, []string{"a 10.0.0.1 :80/tcp 0/9"}},
		"an alias":                  {"cart", alias, nil, nil, []string{"a 10.0.0.1 http:8080/tcp 0/100"}},
		"a host and an instance": {"dbs", []string{
			"dbs.default SRV 0 100 5432 a.dbs.default", "dbs.default SRV 1 100 5432 db1.example.com.", "a.dbs.default A 10.0.0.1",
			"_services._dns-sd._udp.dbs.default PTR _pg._tcp.dbs.default", "_pg._tcp.dbs.default SRV 0 100 5432 a.dbs.default", "_pg._tcp.dbs.default SRV 1 100 5432 db1.example.com.",
		}, nil, nil, []string{"a 10.0.0.1 pg:5432/tcp 0/100", hostID + " db1.example.com pg:5432/tcp 1/100"}},
		"a host alone": {"db", []string{
			"db.default CNAME db1.example.com.", "_services._dns-sd._udp.db.default PTR _pg._tcp.db.default", "_pg._tcp.db.default SRV 2 7 5432 db1.example.com.",
		}, nil, nil, []string{hostID + " db1.example.com pg:5432/tcp 2/7"}},
		"a host without ports": {"db", []string{"db.default CNAME db1.example.com."}, nil, nil, []string{portless + " db1.example.com 0/100"}},
		"a host that doesn't exist": {"db", []string{"db.default CNAME db1.example.com."}, func(s *server) {
			s.change = func(_ string, m *dns.Msg) error { m.Rcode = dns.RcodeNameError; return nil }
		}, nil, []string{portless + " db1.example.com 0/100"}},
		"a chain of names": {"orders", append([]string{"orders.default CNAME orders.prod", "orders.prod SRV 0 100 8080 a.orders.default"}, orders[2:]...), nil, nil, []string{"a 10.0.0.1 http:8080/tcp 0/100"}},
		"metadata": {"orders", append([]string{`a.orders.default TXT "version=1.2" "path=C:\\x" "quote=\"\195\164\"" "flag" "" "=x" "version=2"`, `b.orders.default TXT "\127=x"`}, orders...), nil, []registrar.Option{WithMetadata()}, []string{
			`a 10.0.0.1 http:8080/tcp 0/100 "flag=" "path=C:\\x" "quote=\"ä\"" "version=1.2"`, "b 10.0.0.2 http:8080/tcp 0/100",
		}},
		"another service's instance": {"orders", append([]string{"orders.default SRV 0 100 8080 c.others.default"}, orders...), nil, nil, []string{
			"a 10.0.0.1 http:8080/tcp 0/100", "b 10.0.0.2 http:8080/tcp 0/100",
			(&registrar.Instance{Host: "c.others.default.svc.internal", Ports: []registrar.Port{{Port: 8080}}}).StableID() + " c.others.default.svc.internal :8080/tcp 0/100",
		}},
		"kinds that are none": {"orders", append([]string{
			"_services._dns-sd._udp.orders.default PTR _http._tcp.others.default", "_services._dns-sd._udp.orders.default PTR _8080._tcp.orders.default",
			"_services._dns-sd._udp.orders.default PTR _http._sctp.orders.default", "_services._dns-sd._udp.orders.default PTR http._tcp.orders.default", "_services._dns-sd._udp.orders.default PTR orders.default",
		}, orders...), nil, nil, []string{"a 10.0.0.1 http:8080/tcp 0/100", "b 10.0.0.2 http:8080/tcp 0/100"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, tt.lines...)
			if tt.change != nil {
				n.edit(tt.change)
			}
			s, err := open(t, n, tt.opts...).GetService(t.Context(), tt.asked)
			if got := shownAll(s); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v\nwant %q", got, err, tt.want)
			}
			if s != nil && cap(s.Instances) > len(s.Instances) {
				t.Error("append by a user would write into the result")
			}
		})
	}
}

var (
	selected = []string{
		"v2._tag.blue._tag.az1.prefer._zone.orders.default SRV 0 100 8080 a.orders.default",
		"_services._dns-sd._udp.orders.default PTR _http._tcp.orders.default",
		"_http._tcp.v2._tag.blue._tag.az1.prefer._zone.orders.default SRV 0 100 8080 a.orders.default",
		"a.orders.default A 10.0.0.1",
	}
	chat = []string{
		"chat.game SRV 1 7 8080 a.chat.game", "chat.game SRV 1 7 9000 a.chat.game", "chat.game SRV 1 7 7000 a.chat.game",
		"_services._dns-sd._udp.chat.game PTR _http._tcp.chat.game", "_services._dns-sd._udp.chat.game PTR _grpc._tcp.chat.game", "_services._dns-sd._udp.chat.game PTR _voice._udp.chat.game",
		"_http._tcp.chat.game SRV 1 7 8080 a.chat.game", "_grpc._tcp.chat.game SRV 1 7 8080 a.chat.game", "_voice._udp.chat.game SRV 1 7 9000 a.chat.game",
		"a.chat.game A 10.0.0.1",
	}
	// alias is the service cart, which shop/orders answers for, and which has a port of its
	// own.
	alias = []string{
		"cart.default SRV 0 100 8080 a.orders.shop", "_http._tcp.cart.default SRV 0 100 8080 a.orders.shop",
		"_services._dns-sd._udp.cart.default PTR _own._tcp.cart.default",
		"_services._dns-sd._udp.orders.shop PTR _http._tcp.orders.shop",
		"a.orders.shop A 10.0.0.1",
	}
)

func upperCase(_ string, m *dns.Msg) error {
	for _, section := range [][]dns.RR{m.Answer, m.Extra} {
		for _, rr := range section {
			rr.Header().Name = strings.ToUpper(rr.Header().Name)
			if srv, ok := rr.(*dns.SRV); ok {
				srv.Target = strings.ToUpper(srv.Target)
			}
		}
	}
	m.Question[0].Name = strings.ToUpper(m.Question[0].Name)
	return nil
}

// TestSample: with max_answers each answer is a sample of its own. Who is in the set has
// the names of its ports all the same.
func TestSample(t *testing.T) {
	t.Parallel()
	n := newNetwork(t,
		"orders.default SRV 0 100 8080 a.orders.default",
		"_services._dns-sd._udp.orders.default PTR _http._tcp.orders.default",
		"_http._tcp.orders.default SRV 0 100 8080 b.orders.default",
		"a._http._tcp.orders.default SRV 0 100 8080 a.orders.default",
		"a.orders.default A 10.0.0.1", "b.orders.default A 10.0.0.2",
	)
	s, err := open(t, n).GetService(t.Context(), "orders")
	if got := shownAll(s); !slices.Equal(got, []string{"a 10.0.0.1 http:8080/tcp 0/100"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestQuestions: a lookup of a service whose addresses come along takes two questions, and
// one for each name of a port.
func TestQuestions(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, orders...)
	if _, err := open(t, n).GetService(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	want := []string{"_http._tcp.orders.default.svc.internal. SRV", "_services._dns-sd._udp.orders.default.svc.internal. PTR", "orders.default.svc.internal. SRV"}
	if got := n.questions(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// TestLargeService has 1,000 instances, half of them without glue, and no names of ports:
// as many questions as there are addresses missing.
func TestLargeService(t *testing.T) {
	t.Parallel()
	lines := []string{"_services._dns-sd._udp.orders.default PTR _http._tcp.orders.default"}
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("orders.default SRV 0 100 80 i%03d.orders.default", i), fmt.Sprintf("i%03d.orders.default A 10.0.%d.%d", i, i/250, 1+i%250))
	}
	n := newNetwork(t, lines...)
	n.edit(func(s *server) {
		s.change = func(_ string, m *dns.Msg) error { m.Extra = m.Extra[:min(len(m.Extra), 500)]; return nil }
	})
	s, err := open(t, n).GetService(t.Context(), "orders")
	if err != nil || len(s.Instances) != 1000 {
		t.Fatalf("%d instances, %v", len(shownAll(s)), err)
	}
	if last := shown(s.Instances[999]); last != "i999 10.0.3.250 :80/tcp 0/100" {
		t.Errorf("the last one is %q", last)
	}
	singly := 0
	for _, q := range n.questions() {
		if strings.Contains(q, "._http._tcp.") {
			singly++
		}
	}
	if singly != maxSingly {
		t.Errorf("%d questions about the ports of single instances, want %d", singly, maxSingly)
	}
}
