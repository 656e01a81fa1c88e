package roster

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	plugintest "github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// fixtureRevision is the revision of every fixture, and so the SOA serial.
const fixtureRevision = 42

// values are the values of keys by "NAMESPACE/SERVICE/ID".
type values map[string]string

// storeOf returns a store that holds the values, all of which must be valid.
func storeOf(tb testing.TB, vs values) *services.Store {
	tb.Helper()
	s := services.New(slog.New(slog.DiscardHandler), func(r services.SkipReason) {
		tb.Errorf("the fixture has a key that is skipped: %s", r)
	})
	var events []mirror.Event
	for _, k := range slices.Sorted(maps.Keys(vs)) {
		events = append(events, mirror.Event{Key: k, Value: []byte(vs[k]), ModRevision: 7, Lease: 1})
	}
	apply(s, fixtureRevision, events...)
	return s
}

// apply commits events to a view at a revision.
func apply(v mirror.View, revision int64, events ...mirror.Event) {
	commit(v, mirror.Commit{Revision: revision}, events...)
}

func commit(v mirror.View, c mirror.Commit, events ...mirror.Event) {
	s := v.Stage()
	s.Apply(events)
	s.Commit(c)
}

// emptyStore returns a store that has seen no list.
func emptyStore() *services.Store { return services.New(slog.New(slog.DiscardHandler), nil) }

// fakeReplica is a replica in a state of the test's choice.
type fakeReplica struct {
	*services.Store
	status func() mirror.Status
}

func (f *fakeReplica) Status() mirror.Status { return f.status() }
func (f *fakeReplica) Live() bool            { return f.status().State == mirror.Live }

func inState(s *services.Store, state mirror.State) *fakeReplica {
	return &fakeReplica{s, func() mirror.Status { return mirror.Status{State: state} }}
}

// ownAddrs are the addresses of the server in tests.
var ownAddrs = []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")}

// parseBlock parses a roster directive as it stands in a server block of
// svc.internal.
func parseBlock(directive string) (*config, error) {
	c := caddy.NewTestController("dns", directive)
	c.ServerBlockKeys = []string{"dns://svc.internal.:53"}
	c.Key = c.ServerBlockKeys[0]
	return parse(c)
}

// serving returns the handler of a roster directive over a live registry.
func serving(tb testing.TB, directive string, vs values) *Roster {
	tb.Helper()
	return servingRegistry(tb, directive, inState(storeOf(tb, vs), mirror.Live))
}

func servingRegistry(tb testing.TB, directive string, reg replicaReader) *Roster {
	tb.Helper()
	cfg, err := parseBlock(directive)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := newHandler(cfg, ownAddrs, newLimits())
	if err != nil {
		tb.Fatal(err)
	}
	r.transfers = newTransfers(tb.Context())
	r.start(reg)
	return r
}

// query returns a question such as "orders.default.svc.internal. A".
func query(question string) *dns.Msg {
	name, rrtype, _ := strings.Cut(question, " ")
	m := new(dns.Msg)
	m.SetQuestion(name, dns.StringToType[cmp.Or(rrtype, "A")])
	return m
}

// spy keeps what a handler writes before anything else changes it.
type spy struct {
	dns.ResponseWriter
	written *dns.Msg
}

func (s *spy) WriteMsg(m *dns.Msg) error {
	s.written = m.Copy()
	return s.ResponseWriter.WriteMsg(m)
}

// ask sends a query through a handler as a server does, and returns the answer
// as a client reads it from the wire.
func ask(tb testing.TB, h plugin.Handler, req *dns.Msg, tcp bool) *dns.Msg {
	tb.Helper()
	got, wire := exchange(tb, h, req, tcp)
	if got.Response && wire == nil {
		return got
	}
	limit := dns.MinMsgSize
	if opt := req.IsEdns0(); opt != nil {
		limit = max(limit, int(opt.UDPSize()))
	}
	if tcp {
		limit = dns.MaxMsgSize
	}
	if len(wire) > limit {
		tb.Errorf("the answer has %d octets, the client takes %d", len(wire), limit)
	}
	return got
}

// exchange is ask without a look at the size, and returns the wire form too;
// that is nil where the handler left the answer to the server.
func exchange(tb testing.TB, h plugin.Handler, req *dns.Msg, tcp bool) (*dns.Msg, []byte) {
	tb.Helper()
	asked := req.Copy()
	r, isRoster := h.(*Roster)
	var gen *services.Generation
	if isRoster {
		gen = r.replica.Load()
	}
	rec := dnstest.NewRecorder(&plugintest.ResponseWriter{TCP: tcp})
	w := &spy{ResponseWriter: request.NewScrubWriter(req, rec)}
	code, err := h.ServeDNS(tb.Context(), w, req)
	if err != nil {
		tb.Fatalf("serving %v: %v", asked.Question, err)
	}
	if !plugin.ClientWrite(code) {
		if rec.Msg != nil {
			tb.Fatalf("%v: wrote an answer and left another, %s, to the server", asked.Question, dns.RcodeToString[code])
		}
		return new(dns.Msg).SetRcode(req, code), nil
	}
	if before, after := recordsOf(w.written), recordsOf(rec.Msg); before != after {
		tb.Fatalf("%v: CoreDNS changed the answer from\n%s\nto\n%s", asked.Question, before, after)
	}
	wire, err := rec.Msg.Pack()
	if err != nil {
		tb.Fatalf("packing the answer to %v: %v", asked.Question, err)
	}
	got := new(dns.Msg)
	if err := got.Unpack(wire); err != nil {
		tb.Fatalf("unpacking the answer to %v: %v", asked.Question, err)
	}
	if got.Id != asked.Id || !got.Response || !slices.Equal(got.Question, asked.Question) {
		tb.Fatalf("the answer to %v has another question: %v", asked, got)
	}
	if isRoster {
		comparePacked(tb, r, gen, asked, tcp, got)
	}
	return got, wire
}

func recordsOf(m *dns.Msg) string {
	var b bytes.Buffer
	b.WriteString(m.MsgHdr.String())
	for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
		b.WriteString(rr.String() + "\n")
	}
	return b.String()
}

// dnsCase is a question and its whole answer.
type dnsCase struct {
	question string
	rcode    int
	// answer and extra are records in presentation form, in any order.
	answer, extra []string
	// zone is whose SOA a negative answer has.
	zone string
}

// soaFormat is what follows the zone in a fixture's SOA record.
const soaFormat = " 5 IN SOA ns.dns.ZONE hostmaster.ZONE 42 7200 1800 86400 5"

func soaOf(zone string) string { return zone + strings.ReplaceAll(soaFormat, "ZONE", zone) }

// run asks the question over TCP and compares the whole answer, to the letter.
func (c *dnsCase) run(t *testing.T, h plugin.Handler) {
	t.Helper()
	req := query(c.question)
	got := ask(t, h, req, true)
	want := plugintest.Case{
		Qname: req.Question[0].Name, Qtype: req.Question[0].Qtype, Rcode: c.rcode,
		Answer: records(t, c.answer), Extra: records(t, c.extra),
	}
	if len(c.answer) == 0 {
		want.Ns = records(t, []string{soaOf(cmp.Or(c.zone, "svc.internal."))})
	}
	if err := plugintest.CNAMEOrder(got); err != nil {
		t.Error(err)
	}
	if err := plugintest.SortAndCheck(got, want); err != nil {
		t.Errorf("%v\n%v", err, got)
	}
	for section, rrs := range map[string][2][]dns.RR{
		"answer": {want.Answer, got.Answer}, "authority": {want.Ns, got.Ns}, "additional": {want.Extra, got.Extra},
	} {
		if want, got := texts(rrs[0]), texts(rrs[1]); !slices.Equal(want, got) {
			t.Errorf("%s section is\n%s\nwant\n%s", section, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if !got.Authoritative || got.Truncated {
		t.Errorf("AA %v, TC %v", got.Authoritative, got.Truncated)
	}
}

// records parses records in presentation form, sorted as SortAndCheck sorts.
func records(tb testing.TB, lines []string) []dns.RR {
	tb.Helper()
	var out []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			tb.Fatalf("%q is not a record: %v", line, err)
		}
		out = append(out, rr)
	}
	slices.SortFunc(out, func(a, b dns.RR) int { return strings.Compare(a.String(), b.String()) })
	return out
}

func texts(rrs []dns.RR) []string {
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		out = append(out, rr.String())
	}
	slices.Sort(out)
	return out
}

// runAll runs cases in parallel against one handler.
func runAll(t *testing.T, h plugin.Handler, cases []dnsCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.question, func(t *testing.T) {
			t.Parallel()
			c.run(t, h)
		})
	}
}

// next is a handler that says that it was reached.
func next() plugin.Handler {
	return plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, req *dns.Msg) (int, error) {
		m := new(dns.Msg).SetReply(req)
		m.Answer = []dns.RR{&dns.TXT{
			Hdr: dns.RR_Header{Name: req.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"next"},
		}}
		return dns.RcodeSuccess, w.WriteMsg(m)
	})
}
