package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = registrar.WithLogger(slog.New(slog.DiscardHandler))

// testZone is the zone of the tests.
const testZone = "svc.internal."

// network is the DNS servers of a test, by address. It is safe for concurrent use.
type network struct {
	mu      sync.Mutex
	servers map[string]*server
	asked   map[string]int // by question, such as "orders.default.svc.internal. SRV"
	busy    map[string]int // questions under way
	most    int            // of one question at once
}

// server is a DNS server that answers from records.
type server struct {
	records zone
	noGlue  bool
	// change, if set, changes each response, or says that there is none.
	change func(network string, m *dns.Msg) error
	// wait, if set, is called before each response.
	wait func(ctx context.Context, q dns.Question) error
}

// newNetwork returns a network with a server at 10.0.0.53:53 that has the records.
func newNetwork(t testing.TB, lines ...string) *network {
	t.Helper()
	return &network{
		servers: map[string]*server{"10.0.0.53:53": {records: parse(t, lines...)}},
		asked:   map[string]int{}, busy: map[string]int{},
	}
}

// zone has records by name, and the names above them.
type zone map[string][]dns.RR

// parse returns the records of lines without class, with names below the zone, and TTL 5
// where there is none.
func parse(t testing.TB, lines ...string) zone {
	t.Helper()
	records := zone{}
	parser := dns.NewZoneParser(strings.NewReader("$TTL 5\n"+strings.Join(lines, "\n")+"\n"), testZone, "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		name := rr.Header().Name
		records[name] = append(records[name], rr)
		for i := range name {
			if above := name[i+1:]; name[i] == '.' && records[above] == nil {
				records[above] = []dns.RR{}
			}
		}
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// set replaces the records of the server.
func (n *network) set(t testing.TB, lines ...string) {
	t.Helper()
	n.edit(func(s *server) { s.records = parse(t, lines...) })
}

// edit changes the server.
func (n *network) edit(change func(*server)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n.servers["10.0.0.53:53"])
}

// fail makes the server answer with a code.
func (n *network) fail(rcode int) {
	n.edit(func(s *server) {
		s.change = func(_ string, m *dns.Msg) error {
			m.Rcode, m.Answer, m.Ns, m.Extra = rcode, nil, nil, nil
			return nil
		}
	})
}

// recover ends fail and what is like it.
func (n *network) recover() {
	n.edit(func(s *server) { s.change, s.wait = nil, nil })
}

// count returns how often a question was asked, and forgets it.
func (n *network) count(question string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := n.asked[question]
	delete(n.asked, question)
	return count
}

// questions returns what was asked.
func (n *network) questions() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.asked))
}

var errNoServer = errors.New("no such server")

// exchange implements exchangeFunc.
func (n *network) exchange(ctx context.Context, network, address string, q *dns.Msg) (*dns.Msg, error) {
	question := fmt.Sprintf("%s %s", q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[question]++
	n.busy[question]++
	n.most = max(n.most, n.busy[question])
	defer func() { n.busy[question]-- }()
	s := n.servers[address]
	if s == nil {
		return nil, errNoServer
	}
	if wait := s.wait; wait != nil {
		n.mu.Unlock()
		err := wait(ctx, q.Question[0])
		n.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
	m := s.answer(q)
	if s.change != nil {
		if err := s.change(network, m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// answer answers as roster does.
func (s *server) answer(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative = true
	owner := q.Question[0].Name
	_, exists := s.records[owner]
	for range 3 { // CNAMEs
		next := ""
		for _, rr := range s.records[owner] {
			if cname, ok := rr.(*dns.CNAME); ok {
				next = cname.Target
			} else if rr.Header().Rrtype != q.Question[0].Qtype {
				continue
			}
			m.Answer = append(m.Answer, dns.Copy(rr))
		}
		if next == "" {
			break
		}
		owner = next
	}
	s.glue(m)
	if len(m.Answer) == 0 {
		m.Ns = append(m.Ns, &dns.SOA{Hdr: dns.RR_Header{Name: testZone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 5}, Ns: "ns.dns." + testZone, Mbox: "root." + testZone, Minttl: 5})
		if !exists {
			m.Rcode = dns.RcodeNameError
		}
	}
	m.SetEdns0(maxUDP, false)
	return m
}

// glue adds the addresses of targets.
func (s *server) glue(m *dns.Msg) {
	seen := map[string]bool{}
	for _, rr := range m.Answer {
		srv, ok := rr.(*dns.SRV)
		if !ok || s.noGlue || seen[srv.Target] {
			continue
		}
		seen[srv.Target] = true
		for _, rr := range s.records[srv.Target] {
			if t := rr.Header().Rrtype; t == dns.TypeA || t == dns.TypeAAAA {
				m.Extra = append(m.Extra, dns.Copy(rr))
			}
		}
	}
}

// silence is a server that doesn't answer in time.
func silence(ctx context.Context, _ dns.Question) error {
	<-ctx.Done()
	return ctx.Err()
}

// open opens a client that asks the network's server.
func open(t testing.TB, n *network, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	c := registrar.NewClient(&driver{exchange: n.exchange})
	if err := c.Init(t.Context(), append([]registrar.Option{registrar.WithEndpoints("10.0.0.53"), quiet}, opts...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// orders are the records of a service with the instances a and b.
var orders = []string{
	"orders.default SRV 0 100 8080 a.orders.default",
	"orders.default SRV 0 100 8080 b.orders.default",
	"_services._dns-sd._udp.orders.default PTR _http._tcp.orders.default",
	"_http._tcp.orders.default SRV 0 100 8080 a.orders.default",
	"_http._tcp.orders.default SRV 0 100 8080 b.orders.default",
	"a.orders.default A 10.0.0.1",
	"b.orders.default A 10.0.0.2",
}

// shown is an instance in short: "a 10.0.0.1 http:8080/tcp 0/100".
func shown(in registrar.Instance) string {
	var parts []string
	for _, a := range in.Addresses {
		parts = append(parts, a.String())
	}
	if in.Host != "" {
		parts = append(parts, in.Host)
	}
	for _, p := range in.Ports {
		parts = append(parts, fmt.Sprintf("%s:%d/%s", p.Name, p.Port, p.Protocol))
	}
	parts = append(parts, fmt.Sprintf("%d/%d", in.Priority, in.Weight))
	for _, k := range slices.Sorted(maps.Keys(in.Metadata)) {
		parts = append(parts, fmt.Sprintf("%q", k+"="+in.Metadata[k]))
	}
	return in.ID + " " + strings.Join(parts, " ")
}

func shownAll(s *registrar.Service) []string {
	var all []string
	if s != nil {
		for _, in := range s.Instances {
			all = append(all, shown(in))
		}
	}
	return all
}
