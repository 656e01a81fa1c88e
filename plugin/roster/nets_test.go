package roster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/internal/mirror"
)

// reach are instances in networks of many kinds.
var reach = values{
	"default/orders/both":   `{"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":80}]}`,
	"default/orders/mixed":  `{"addresses":["10.0.0.2","192.0.2.2"],"ports":[{"name":"http","port":80}]}`,
	"default/orders/out":    `{"addresses":["192.0.2.3"],"ports":[{"name":"alt","port":81}]}`,
	"default/outside/a":     `{"addresses":["192.0.2.4"]}`,
	"default/host/a":        `{"host":"db.example.com"}`,
	"elsewhere/outside/a":   `{"addresses":["192.0.2.5"]}`,
	"default/inside/a":      `{"addresses":["10.0.0.9"]}`,
	"default/inside/second": `{"addresses":["10.0.0.8"]}`,
}

func TestNets(t *testing.T) {
	t.Parallel()
	const allow = "roster {\n allow_net 10.0.0.0/8\n}"
	for directive, cases := range map[string][]dnsCase{
		allow: {
			{question: "orders.default.svc.internal. A", answer: []string{
				"orders.default.svc.internal. 5 IN A 10.0.0.1", "orders.default.svc.internal. 5 IN A 10.0.0.2",
			}},
			{question: "orders.default.svc.internal. AAAA"},
			{question: "_http._tcp.orders.default.svc.internal. SRV", answer: []string{
				"_http._tcp.orders.default.svc.internal. 5 IN SRV 0 100 80 both.orders.default.svc.internal.",
				"_http._tcp.orders.default.svc.internal. 5 IN SRV 0 100 80 mixed.orders.default.svc.internal.",
			}, extra: []string{
				"both.orders.default.svc.internal. 5 IN A 10.0.0.1", "mixed.orders.default.svc.internal. 5 IN A 10.0.0.2",
			}},
			{question: "mixed.orders.default.svc.internal. A", answer: []string{"mixed.orders.default.svc.internal. 5 IN A 10.0.0.2"}},
			{question: "out.orders.default.svc.internal. A", rcode: dns.RcodeNameError},
			{question: "_alt._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
			{question: "outside.default.svc.internal. A", rcode: dns.RcodeNameError},
			{question: "outside.elsewhere.svc.internal. A", rcode: dns.RcodeNameError},
			{question: "elsewhere.svc.internal. A", rcode: dns.RcodeNameError}, // as if its instance were not there
			{question: "a.inside.default.svc.internal. A", answer: []string{"a.inside.default.svc.internal. 5 IN A 10.0.0.9"}},
		},
		"roster {\n allow_net 10.0.0.0/8 2001:db8::/32\n allow_net 192.0.2.3\n deny_net 10.0.0.1\n}": {
			{question: "orders.default.svc.internal. A", answer: []string{
				"orders.default.svc.internal. 5 IN A 10.0.0.2", "orders.default.svc.internal. 5 IN A 192.0.2.3",
			}},
			{question: "orders.default.svc.internal. AAAA", answer: []string{"orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}},
		},
		"roster {\n deny_net 0.0.0.0/0\n}": {
			{question: "orders.default.svc.internal. A"},
			{question: "orders.default.svc.internal. AAAA", answer: []string{"orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}},
			{question: "inside.default.svc.internal. A", rcode: dns.RcodeNameError},
		},
	} {
		t.Run(directive, func(t *testing.T) {
			t.Parallel()
			r := serving(t, directive, reach)
			for _, c := range cases {
				c.run(t, r)
			}
		})
	}
}

// TestNetsLeaveHostsAlone: their addresses are somebody else's to tell.
func TestNetsLeaveHostsAlone(t *testing.T) {
	t.Parallel()
	s := storeOf(t, reach)
	g := servingRegistry(t, "roster {\n deny_net 0.0.0.0/0 ::/0\n}", inState(s, mirror.Live)).replica.Load()
	if host := g.Service("default", "host"); host == nil || host != s.Load().Service("default", "host") {
		t.Error("a host was taken out")
	}
	if g.Service("default", "orders") != nil {
		t.Error("something is left of nothing")
	}
}

// TestNetsShare: blocks with equal networks share what is left of a service, and
// nothing is made where nothing is taken out.
func TestNetsShare(t *testing.T) { // not parallel: it counts the process's allocations
	store := storeOf(t, reach)
	service := func(directive, name string) *servedService {
		r := servingRegistry(t, "roster {\n"+directive+"\n}", inState(store, mirror.Live))
		return servedOf(r.replica.Load().Service("default", name))
	}
	const allow = "allow_net 10.0.0.0/8"
	orders := service(allow, "orders")
	if orders != service(allow, "orders") || orders == service("", "orders") || orders == service("allow_net 192.0.2.0/24", "orders") {
		t.Error("filters that are equal make two, or others one")
	}
	if service(allow, "inside") != service("", "inside") {
		t.Error("a service that is served whole was copied")
	}
	r := servingRegistry(t, "roster {\n"+allow+"\n}", inState(store, mirror.Live))
	if n := testing.AllocsPerRun(100, func() { servedOf(r.replica.Load().Service("default", "orders")) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestNetsOfStatus: the status counts all valid instances, whatever is served of them.
func TestNetsOfStatus(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster {\n deny_net 0.0.0.0/0\n}", reach)
	got := texts(ask(t, r, query("_status.svc.internal. TXT"), true).Answer)
	if want := fmt.Sprintf(`"instances=%d"`, len(reach)); !strings.Contains(strings.Join(got, "\n"), want) {
		t.Errorf("the status is %q, want %s", got, want)
	}
}

// TestReloadNets: a reload with other networks has others served at once, from the
// replica that is there.
func TestReloadNets(t *testing.T) {
	endpoint := closedPort(t)
	m := plant(t, endpoint, reach)
	s := startServer(t, fmt.Sprintf(transferring, "*", endpoint, ""))
	for _, step := range []struct {
		properties string
		serves     int
	}{{"", 4}, {"allow_net 10.0.0.0/8", 2}, {"allow_net 10.0.0.0/8\nttl 7", 2}, {"deny_net 10.0.0.0/8", 2}, {"deny_net 10.0.0.1", 3}, {"", 4}} {
		if err := s.reload(t, fmt.Sprintf(transferring, "*", endpoint, step.properties)); err != nil {
			t.Fatal(err)
		}
		if got := s.ask(t, "orders.default.svc.internal. A").Answer; len(got) != step.serves {
			t.Errorf("%q: %v, want %d records", step.properties, got, step.serves)
		}
	}
	if m.users != 1 {
		t.Errorf("the replica has %d users", m.users)
	}
}

// TestNetsStop: a block that has ended shows what it showed last, and holds up nothing.
func TestNetsStop(t *testing.T) {
	t.Parallel()
	store := storeOf(t, reach)
	r := servingRegistry(t, "roster {\n allow_net 10.0.0.0/8\n}", inState(store, mirror.Live))
	r.stop()
	apply(store, 50, mirror.Event{Key: "default/outside/b", Value: []byte(`{"addresses":["10.0.0.4"]}`), ModRevision: 50, Lease: 1})
	for question, want := range map[string]int{
		"inside.default.svc.internal. A": dns.RcodeSuccess, "outside.default.svc.internal. A": dns.RcodeNameError, "out.orders.default.svc.internal. A": dns.RcodeNameError,
	} {
		if got := ask(t, r, query(question), false).Rcode; got != want {
			t.Errorf("%s: %s", question, dns.RcodeToString[got])
		}
	}
	serving(t, "roster", reach).stop() // without networks there is nothing to end
}

// TestNetsLog tells of an instance once, for as long as its addresses stay.
func TestNetsLog(t *testing.T) {
	log := logged(t)
	store := storeOf(t, reach)
	r := servingRegistry(t, "roster {\n allow_net 10.0.0.0/8\n}", inState(store, mirror.Live))
	asked := func(want int) {
		t.Helper()
		ask(t, r, query("orders.default.svc.internal. A"), false)
		if got := lines(log, `"default/orders/out"`, "allow_net", `"192.0.2.`); len(got) != want {
			t.Errorf("logged %q, want %d lines", got, want)
		}
	}
	asked(1)
	asked(1)
	put := func(revision int64, id, address string) {
		value := fmt.Sprintf(`{"addresses":[%q]}`, address)
		apply(store, revision, mirror.Event{Key: "default/orders/" + id, Value: []byte(value), ModRevision: revision, Lease: 1})
	}
	put(50, "new", "10.0.0.7") // another version of the service
	asked(1)
	put(51, "out", "192.0.2.99")
	asked(2)
}

// TestNetsLogIsBounded: however many instances a commit brings that are not served, a
// few of them are told, and how many more there are. All are counted.
func TestNetsLogIsBounded(t *testing.T) { // not parallel: it reads a counter of the process
	const n = 1000
	log, before := logged(t), testutil.ToFloat64(deniedAddresses)
	vs := values{}
	for i := range n {
		vs[fmt.Sprintf("default/orders/i%d", i)] = `{"addresses":["192.0.2.1","192.0.2.2","10.0.0.1"]}`
	}
	store := storeOf(t, vs)
	expect := func(when string, single, more int) {
		t.Helper()
		if got := len(lines(log, "WARNING", " instance has addresses that allow_net")); got != single {
			t.Errorf("%s: %d lines of an instance each, want %d", when, got, single)
		}
		if got := len(lines(log, fmt.Sprintf("more instances have addresses that allow_net or deny_net excludes instances=%d", n-maxDenialLines))); got != more {
			t.Errorf("%s: %d lines of the others, want %d", when, got, more)
		}
	}
	servingRegistry(t, "roster {\n allow_net 10.0.0.0/8\n}", inState(store, mirror.Live))
	expect("at the start", maxDenialLines, 1)
	servingRegistry(t, "roster {\n allow_net 10.0.0.0/8\n}", inState(store, mirror.Live))
	expect("with a second block", maxDenialLines, 1)
	if got := testutil.ToFloat64(deniedAddresses) - before; got != 2*n {
		t.Errorf("%v denied addresses, want %d", got, 2*n)
	}
	apply(store, 50, mirror.Event{Key: "default/orders/one", Value: []byte(`{"addresses":["192.0.2.1"]}`), ModRevision: 50, Lease: 1})
	expect("after a change", maxDenialLines+1, 1)
}

func TestParseNetsErrors(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"10.0.0.1/8":       `"10.0.0.1/8" has bits beyond its length: write 10.0.0.0/8`,
		"2001:db8::1/32":   `"2001:db8::1/32" has bits beyond its length: write 2001:db8::/32`,
		"10.0.0.0/33":      `"10.0.0.0/33" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"example.com":      `"example.com" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"::ffff:10.0.0.1":  `"::ffff:10.0.0.1" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"fe80::1%eth0":     `"fe80::1%eth0" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"::ffff:0:0/96":    `"::ffff:0:0/96" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"":                 `"" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"10.0.0.0/8,10::1": `"10.0.0.0/8,10::1" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
	} {
		for _, property := range []string{"allow_net", "deny_net"} {
			_, err := parseBlock(fmt.Sprintf("roster {\n %s 10.0.0.0/8 %q\n}", property, arg))
			if err == nil || !strings.HasSuffix(err.Error(), "Testfile:2 - Error during parsing: "+property+": "+want) {
				t.Errorf("%s %q: %v, want %s", property, arg, err, want)
			}
		}
	}
	if _, err := parseBlock("roster {\n allow_net\n}"); err == nil {
		t.Error("no network is no error")
	}
}
