package roster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// outside is a registry with hosts, alone and among instances with addresses.
var outside = values{
	"default/db/main":  `{"host":"DB1.Example.com.","ports":[{"name":"pg","port":5432}],"ttl":7,"metadata":{"k":"v"}}`,
	"default/db/spare": `{"host":"db2.example.com","ports":[{"name":"pg","port":5433}],"status":"draining"}`,
	"default/cdn/a":    `{"addresses":["10.0.0.1"],"ports":[{"name":"https","port":443}]}`,
	"default/cdn/b":    `{"host":"edge1.example.com","ports":[{"name":"https","port":443}]}`,
	"default/cdn/c":    `{"host":"edge2.example.com","ports":[{"name":"https","port":8443}],"weight":1,"priority":2}`,
	"default/pair/a":   `{"host":"edge1.example.com","ports":[{"name":"https","port":443}]}`,
	"default/pair/b":   `{"host":"edge1.example.com","ports":[{"name":"https","port":443}]}`,
	"default/pair/c":   `{"host":"edge1.example.com","ports":[{"name":"https","port":443}],"weight":7}`,
	"default/solo/a":   `{"host":"solo.example.com"}`,
}

// resolver is an upstream of the test's choice.
type resolver func(name string, qtype uint16) (*dns.Msg, error)

func (f resolver) Lookup(_ context.Context, _ request.Request, name string, qtype uint16) (*dns.Msg, error) {
	return f(name, qtype)
}

// found returns an upstream that answers all questions alike.
func found(t *testing.T, rcode int, answer, authority []string) resolver {
	t.Helper()
	m := &dns.Msg{
		MsgHdr: dns.MsgHdr{Response: true, Rcode: rcode}, Answer: parsed(t, answer), Ns: parsed(t, authority),
		Extra: []dns.RR{new(dns.OPT)},
	}
	m.Extra[0].Header().Name, m.Extra[0].Header().Rrtype = ".", dns.TypeOPT
	return func(string, uint16) (*dns.Msg, error) { return m.Copy(), nil }
}

func TestHosts(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", outside)
	r.upstream = resolver(func(name string, qtype uint16) (*dns.Msg, error) {
		m := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true}}
		switch {
		case qtype == dns.TypeA:
			m.Answer = records(t, []string{name + " 60 IN A 198.51.100.1"})
		case qtype == dns.TypeAAAA:
			m.Answer = records(t, []string{name + " 60 IN AAAA 2001:db8:1::1"})
		default:
			t.Errorf("asked upstream for %s %s", name, dns.TypeToString[qtype])
		}
		return m, nil
	})
	cname := "db.default.svc.internal. 7 IN CNAME db1.example.com."
	runAll(t, r, []dnsCase{
		// A sole host.
		{question: "db.default.svc.internal. A", answer: []string{cname, "db1.example.com. 60 IN A 198.51.100.1"}},
		{question: "db.default.svc.internal. AAAA", answer: []string{cname, "db1.example.com. 60 IN AAAA 2001:db8:1::1"}},
		{question: "Db.default.svc.internal. CNAME", answer: []string{"Db.default.svc.internal. 7 IN CNAME db1.example.com."}},
		{question: "db.default.svc.internal. ANY", answer: []string{cname}},
		{question: "solo.default.svc.internal. CNAME", answer: []string{"solo.default.svc.internal. 5 IN CNAME solo.example.com."}},
		// SRV lives under the port.
		{question: "_pg._tcp.db.default.svc.internal. SRV", answer: []string{"_pg._tcp.db.default.svc.internal. 7 IN SRV 0 100 5432 db1.example.com."}},
		{question: "_5432._tcp.db.default.svc.internal. SRV", answer: []string{"_5432._tcp.db.default.svc.internal. 7 IN SRV 0 100 5432 db1.example.com."}},
		{question: "_pg._tcp.db.default.svc.internal. A"},
		{question: "_5433._tcp.db.default.svc.internal. SRV"},
		{question: "_tcp.db.default.svc.internal. A"},
		// The name of a host instance, whatever its status.
		{question: "main.db.default.svc.internal. A", answer: []string{"main.db.default.svc.internal. 7 IN CNAME db1.example.com.", "db1.example.com. 60 IN A 198.51.100.1"}},
		{question: "spare.db.default.svc.internal. CNAME", answer: []string{"spare.db.default.svc.internal. 5 IN CNAME db2.example.com."}},
		{question: "b.cdn.default.svc.internal. CNAME", answer: []string{"b.cdn.default.svc.internal. 5 IN CNAME edge1.example.com."}},
		{question: "b.cdn.default.svc.internal. ANY", answer: []string{"b.cdn.default.svc.internal. 5 IN CNAME edge1.example.com."}},
		// Hosts among others.
		{question: "cdn.default.svc.internal. A", answer: []string{"cdn.default.svc.internal. 5 IN A 10.0.0.1"}},
		{question: "cdn.default.svc.internal. AAAA"},
		{question: "cdn.default.svc.internal. CNAME"},
		{question: "cdn.default.svc.internal. SRV", answer: []string{
			"cdn.default.svc.internal. 5 IN SRV 0 100 443 a.cdn.default.svc.internal.",
			"cdn.default.svc.internal. 5 IN SRV 0 100 443 edge1.example.com.",
			"cdn.default.svc.internal. 5 IN SRV 2 1 8443 edge2.example.com.",
		}, extra: []string{"a.cdn.default.svc.internal. 5 IN A 10.0.0.1"}},
		{question: "cdn.default.svc.internal. ANY", answer: []string{`cdn.default.svc.internal. 5 IN HINFO "RFC8482" ""`}},
		// Hosts only, but several.
		{question: "pair.default.svc.internal. A"},
		{question: "pair.default.svc.internal. CNAME"},
		{question: "pair.default.svc.internal. SRV", answer: []string{
			"pair.default.svc.internal. 5 IN SRV 0 100 443 edge1.example.com.",
			"pair.default.svc.internal. 5 IN SRV 0 7 443 edge1.example.com.",
		}},
		{question: "pair.default.svc.internal. ANY", answer: []string{`pair.default.svc.internal. 5 IN HINFO "RFC8482" ""`}},
	})
}

// TestHostTypes checks that a sole host's CNAME stands for every type. In CoreDNS's plugin etcd
// a text hid it (coredns#6110).
func TestHostTypes(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", outside)
	for _, name := range []string{"db.default.svc.internal.", "main.db.default.svc.internal."} {
		for _, rrtype := range []string{"A", "AAAA", "SRV", "TXT", "MX", "NS", "SOA", "PTR", "HTTPS", "CAA"} {
			asked := ""
			r.upstream = resolver(func(name string, qtype uint16) (*dns.Msg, error) {
				asked = name + " " + dns.TypeToString[qtype]
				return &dns.Msg{Ns: records(t, []string{"example.com. 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 5"})}, nil
			})
			got := ask(t, r, query(name+" "+rrtype), true)
			if len(got.Answer) != 1 || got.Answer[0].Header().Rrtype != dns.TypeCNAME || len(got.Ns) != 1 || got.Rcode != dns.RcodeSuccess {
				t.Errorf("%s %s: %v", name, rrtype, got)
			}
			if want := "db1.example.com. " + rrtype; asked != want {
				t.Errorf("asked upstream for %s, want %s", asked, want)
			}
		}
	}
}

func TestChase(t *testing.T) {
	t.Parallel()
	const (
		name = "solo.default.svc.internal."
		link = name + " 5 IN CNAME solo.example.com."
		soa  = "example.com. 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 5"
		far  = "solo.example.com. 60 IN CNAME far.example.net."
	)
	for _, tt := range []struct {
		what       string
		upstream   resolver
		rcode      int
		wantAnswer []string // in order
		wantSOA    []string
	}{
		{
			"success", found(t, dns.RcodeSuccess, []string{"solo.example.com. 60 IN A 198.51.100.1"}, []string{"example.com. 60 IN NS ns.example.com."}),
			dns.RcodeSuccess,
			[]string{link, "solo.example.com. 60 IN A 198.51.100.1"},
			nil,
		},
		{
			"success by a chain", found(t, dns.RcodeSuccess, []string{far, "far.example.net. 60 IN A 198.51.100.2"}, nil),
			dns.RcodeSuccess,
			[]string{link, far, "far.example.net. 60 IN A 198.51.100.2"},
			nil,
		},
		{"NXDOMAIN", found(t, dns.RcodeNameError, nil, []string{soa}), dns.RcodeNameError, []string{link}, []string{soa}},
		{"NXDOMAIN at the end of a chain", found(t, dns.RcodeNameError, []string{far}, []string{soa}), dns.RcodeNameError, []string{link, far}, []string{soa}},
		{"NODATA", found(t, dns.RcodeSuccess, nil, []string{soa}), dns.RcodeSuccess, []string{link}, []string{soa}},
		{"NODATA at the end of a chain", found(t, dns.RcodeSuccess, []string{far}, []string{soa}), dns.RcodeSuccess, []string{link, far}, []string{soa}},
		{"REFUSED", found(t, dns.RcodeRefused, nil, nil), dns.RcodeSuccess, []string{link}, nil},
		{"nothing", func(string, uint16) (*dns.Msg, error) { return nil, nil }, dns.RcodeSuccess, []string{link}, nil},
		{"SERVFAIL", found(t, dns.RcodeServerFailure, nil, nil), dns.RcodeSuccess, []string{link}, nil},
		{"NOTIMP", found(t, dns.RcodeNotImplemented, nil, nil), dns.RcodeSuccess, []string{link}, nil},
		{"an error", func(string, uint16) (*dns.Msg, error) { return nil, errors.New("broken") }, dns.RcodeSuccess, []string{link}, nil},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			r := serving(t, "roster {\n fallthrough\n}", outside)
			r.upstream, r.Next = tt.upstream, next()
			got := ask(t, r, query(name+" A"), true)
			if got.Rcode != tt.rcode {
				t.Errorf("code %s, want %s", dns.RcodeToString[got.Rcode], dns.RcodeToString[tt.rcode])
			}
			for section, rrs := range map[string][2][]dns.RR{
				"answer": {parsed(t, tt.wantAnswer), got.Answer}, "authority": {parsed(t, tt.wantSOA), got.Ns}, "additional": {nil, got.Extra},
			} {
				if want, got := inOrder(rrs[0]), inOrder(rrs[1]); !slices.Equal(want, got) {
					t.Errorf("%s section is %q, want %q", section, got, want)
				}
			}
		})
	}
}

func inOrder(rrs []dns.RR) []string {
	var out []string
	for _, rr := range rrs {
		out = append(out, rr.String())
	}
	return out
}

func parsed(t *testing.T, lines []string) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, line := range lines {
		out = append(out, records(t, []string{line})...)
	}
	return out
}

// TestChaseKeepsAuthority checks that the message of another plugin, which may
// share memory with its data, is left as it is.
func TestChaseKeepsAuthority(t *testing.T) {
	t.Parallel()
	theirs := &dns.Msg{
		Answer: records(t, []string{"solo.example.com. 60 IN A 198.51.100.1"}),
		Ns:     records(t, []string{"example.com. 60 IN NS ns.example.com."}),
	}
	before := theirs.String()
	r := serving(t, "roster", outside)
	r.upstream = resolver(func(string, uint16) (*dns.Msg, error) { return theirs, nil })
	ask(t, r, query("solo.default.svc.internal. A"), false)
	if after := theirs.String(); after != before {
		t.Errorf("changed\n%s\nto\n%s", before, after)
	}
}

// TestChaseGlue checks that the addresses of the targets of SRV records come
// along from another zone of the server, as if it had been asked, and nothing
// else does.
func TestChaseGlue(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", values{
		"default/alias/a":  `{"host":"orders.default.svc.internal"}`,
		"default/orders/a": shop["default/orders/a"],
		"default/orders/b": shop["default/orders/b"],
	})
	r.upstream = through(t, r)
	runAll(t, r, []dnsCase{{question: "alias.default.svc.internal. SRV", answer: []string{
		"alias.default.svc.internal. 5 IN CNAME orders.default.svc.internal.",
		"orders.default.svc.internal. 2 IN SRV 0 10 8080 a.orders.default.svc.internal.",
		"orders.default.svc.internal. 2 IN SRV 0 10 9090 a.orders.default.svc.internal.",
		"orders.default.svc.internal. 2 IN SRV 0 100 8080 b.orders.default.svc.internal.",
	}, extra: []string{
		"a.orders.default.svc.internal. 5 IN A 10.0.0.1",
		"a.orders.default.svc.internal. 5 IN AAAA 2001:db8::1",
		"b.orders.default.svc.internal. 2 IN A 10.0.0.2",
	}}})
	// With EDNS the one OPT record is this answer's own, and the last.
	got := ask(t, r, withEDNS(query("alias.default.svc.internal. SRV"), 1232, true), false)
	if n := len(got.Extra); n != 4 || got.Extra[n-1].Header().Rrtype != dns.TypeOPT {
		t.Errorf("want three addresses, then OPT: %v", got)
	}
	// Other than that, only addresses.
	r = serving(t, "roster", outside)
	r.upstream = resolver(func(string, uint16) (*dns.Msg, error) {
		return &dns.Msg{
			Answer: parsed(t, []string{"solo.example.com. 60 IN SRV 0 1 80 a.example.com."}),
			Extra:  parsed(t, []string{"a.example.com. 60 IN A 198.51.100.1", `a.example.com. 60 IN TXT "no glue"`}),
		}, nil
	})
	got = ask(t, r, query("solo.default.svc.internal. SRV"), true)
	if len(got.Extra) != 1 || got.Extra[0].Header().Rrtype != dns.TypeA {
		t.Errorf("want one address: %v", got)
	}
}

// TestChaseGlueFits checks that glue that comes along is cut before answers.
func TestChaseGlueFits(t *testing.T) {
	t.Parallel()
	vs := many(7) // of which 512 octets hold the answers, and a part of the glue
	vs["default/x/a"] = `{"host":"many.default.svc.internal"}`
	r := serving(t, "roster", vs)
	r.upstream = through(t, r)
	got := ask(t, r, query("x.default.svc.internal. SRV"), false)
	if len(got.Answer) != 1+7 || len(got.Extra) == 0 || len(got.Extra) >= 7 || got.Truncated {
		t.Errorf("want all answers and a part of the glue, without TC: %v", got)
	}
}

// through returns an upstream that asks the handler itself, as the server does
// for names in its own zones.
func through(t *testing.T, r *Roster) chain {
	t.Helper()
	return func(ctx context.Context, state request.Request, name string) (*dns.Msg, error) {
		w := nonwriter.New(state.W)
		_, err := r.ServeDNS(ctx, w, state.NewWithQuestion(name, state.QType()).Req)
		return w.Msg, err
	}
}

// TestChaseTruncated checks that a part of the target's records is never shown
// as the whole.
func TestChaseTruncated(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", outside)
	r.upstream = resolver(func(string, uint16) (*dns.Msg, error) {
		return &dns.Msg{MsgHdr: dns.MsgHdr{Truncated: true}}, nil
	})
	if got := ask(t, r, query("solo.default.svc.internal. A"), false); !got.Truncated || len(got.Answer) != 1 {
		t.Errorf("over UDP: want TC and the CNAME: %v", got)
	}
	if got := ask(t, r, query("solo.default.svc.internal. A"), true); got.Truncated {
		t.Errorf("over TCP, where there is no other way to ask: %v", got)
	}
}

// TestChaseTime checks that a look-up is told to end before clients give up, and
// that its answer is waited for no longer where it heeds that.
func TestChaseTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serving(t, "roster", outside)
		r.upstream = chain(func(ctx context.Context, _ request.Request, _ string) (*dns.Msg, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		start := time.Now()
		got := ask(t, r, query("solo.default.svc.internal. A"), false)
		if got.Rcode != dns.RcodeSuccess || len(got.Answer) != 1 {
			t.Errorf("want the CNAME alone: %v", got)
		}
		if took := time.Since(start); took != chaseTimeout { // the bubble's clock
			t.Errorf("took %v, want %v", took, chaseTimeout)
		}
	})
}

// TestChasesAtOnce checks that where as many look-ups wait as may, further answers
// are the CNAME alone, at once.
func TestChasesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serving(t, "roster", outside)
		release := make(chan struct{})
		var looking atomic.Int32
		r.upstream = resolver(func(string, uint16) (*dns.Msg, error) {
			looking.Add(1)
			<-release
			return &dns.Msg{}, nil
		})
		var asking sync.WaitGroup
		for range maxChases {
			asking.Go(func() { ask(t, r, query("solo.default.svc.internal. A"), false) })
		}
		synctest.Wait()
		if n := looking.Load(); n != maxChases {
			t.Errorf("%d look-ups, want %d", n, maxChases)
		}
		if got := ask(t, r, query("solo.default.svc.internal. A"), false); got.Rcode != dns.RcodeSuccess || len(got.Answer) != 1 {
			t.Errorf("want the CNAME alone: %v", got)
		}
		close(release)
		asking.Wait()
		if n := len(r.chases); n != 0 {
			t.Errorf("%d look-ups are still counted", n)
		}
	})
}

// pointing are hosts of the registry that point to names in it.
var pointing = values{
	"default/ring1/a":  `{"host":"ring2.default.svc.internal"}`,
	"default/ring2/a":  `{"host":"ring3.default.svc.internal"}`,
	"default/ring3/a":  `{"host":"ring1.default.svc.internal"}`,
	"default/self/a":   `{"host":"self.default.svc.internal"}`,
	"default/hop1/a":   `{"host":"hop2.default.svc.internal","ttl":7}`,
	"default/hop2/a":   `{"host":"orders.default.svc.internal"}`,
	"default/orders/a": `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}]}`,
	"default/nodata/a": `{"host":"orders.default.svc.internal"}`,
	"default/gone/a":   `{"host":"nope.default.svc.internal"}`,
	"default/out/a":    `{"host":"hop3.default.svc.internal"}`,
	"default/hop3/a":   `{"host":"www.example.com"}`,
	"default/within/a": `{"host":"x.inner.svc.internal"}`,
	"default/other/a":  `{"host":"ring1.default.other.internal"}`,
}

// TestFollow checks that aliases of the block's own zones cost no look-up, and
// that those that lead back, or on and on, are their first CNAME alone.
func TestFollow(t *testing.T) {
	t.Parallel()
	vs := maps.Clone(pointing)
	for i := range 500 {
		vs[fmt.Sprintf("default/far%d/a", i)] = fmt.Sprintf(`{"host":"far%d.default.svc.internal"}`, i+1)
		vs[fmt.Sprintf("default/all/i%d", i)] = fmt.Sprintf(`{"host":"far%d.default.svc.internal"}`, i)
	}
	r := serving(t, "roster", vs)
	r.upstream = resolver(func(name string, qtype uint16) (*dns.Msg, error) {
		t.Errorf("asked upstream for %s %s", name, dns.TypeToString[qtype])
		return nil, nil
	})
	hop1, hop2 := "hop1.default.svc.internal. 7 IN CNAME hop2.default.svc.internal.", "hop2.default.svc.internal. 5 IN CNAME orders.default.svc.internal."
	runAll(t, r, []dnsCase{
		{question: "ring1.default.svc.internal. A", answer: []string{"ring1.default.svc.internal. 5 IN CNAME ring2.default.svc.internal."}},
		{question: "Ring2.default.svc.internal. SRV", answer: []string{"Ring2.default.svc.internal. 5 IN CNAME ring3.default.svc.internal."}},
		{question: "a.ring3.default.svc.internal. A", answer: []string{"a.ring3.default.svc.internal. 5 IN CNAME ring1.default.svc.internal."}},
		{question: "self.default.svc.internal. A", answer: []string{"self.default.svc.internal. 5 IN CNAME self.default.svc.internal."}},
		{question: "far0.default.svc.internal. A", answer: []string{"far0.default.svc.internal. 5 IN CNAME far1.default.svc.internal."}},
		{question: "all.default.svc.internal. A"},
		{question: "hop1.default.svc.internal. A", answer: []string{hop1, hop2, "orders.default.svc.internal. 5 IN A 10.0.0.1"}},
		{question: "hop1.default.svc.internal. CNAME", answer: []string{hop1}},
		{question: "hop1.default.svc.internal. ANY", answer: []string{hop1}},
		{
			question: "hop1.default.svc.internal. SRV",
			answer:   []string{hop1, hop2, "orders.default.svc.internal. 5 IN SRV 0 100 80 a.orders.default.svc.internal."},
			extra:    []string{"a.orders.default.svc.internal. 5 IN A 10.0.0.1"},
		},
	})
	// Negative answers have the SOA that tells for how long (RFC 2308, 2).
	for question, rcode := range map[string]int{"nodata.default.svc.internal. AAAA": dns.RcodeSuccess, "gone.default.svc.internal. A": dns.RcodeNameError} {
		got := ask(t, r, query(question), false)
		if got.Rcode != rcode || len(got.Answer) != 1 || len(got.Ns) != 1 || got.Ns[0].Header().Rrtype != dns.TypeSOA {
			t.Errorf("%s: want the CNAME and the SOA record: %v", question, got)
		}
	}
}

// TestFollowElsewhere checks that what the block doesn't answer for is looked up,
// once: names outside, those of a zone within, and those that fall through.
func TestFollowElsewhere(t *testing.T) {
	t.Parallel()
	for question, want := range map[string]string{
		"out.default.svc.internal. A":    "www.example.com.",
		"within.default.svc.internal. A": "x.inner.svc.internal.",
		"gone.default.svc.internal. A":   "nope.default.svc.internal.",
	} {
		// The zone within is not in what falls through.
		r := serving(t, "roster svc.internal inner.svc.internal {\n fallthrough default.svc.internal\n}", pointing)
		r.Next = next()
		r.origins = r.origins[:1] // the zone within is another block's
		var asked []string
		r.upstream = resolver(func(name string, _ uint16) (*dns.Msg, error) {
			asked = append(asked, name)
			return &dns.Msg{Answer: parsed(t, []string{name + " 60 IN A 198.51.100.1"})}, nil
		})
		got := ask(t, r, query(question), false)
		if !slices.Equal(asked, []string{want}) || len(got.Answer) < 2 {
			t.Errorf("%s: asked for %q, want %q: %v", question, asked, want, got)
		}
	}
}

// TestChaseLoop checks that hosts of two blocks that point at each other cost one
// look-up, and are the first CNAME alone.
func TestChaseLoop(t *testing.T) {
	t.Parallel()
	here := serving(t, "roster", pointing)
	there := serving(t, "roster other.internal", values{"default/ring1/a": `{"host":"other.default.svc.internal"}`})
	calls := 0
	both := chain(func(ctx context.Context, state request.Request, name string) (*dns.Msg, error) {
		calls++
		r := here
		if strings.HasSuffix(name, ".other.internal.") {
			r = there
		}
		w := nonwriter.New(state.W)
		_, err := r.ServeDNS(ctx, w, state.NewWithQuestion(name, state.QType()).Req)
		return w.Msg, err
	})
	here.upstream, there.upstream = both, both
	got := ask(t, here, query("Other.default.svc.internal. A"), false)
	if got.Rcode != dns.RcodeSuccess || len(got.Answer) != 1 {
		t.Errorf("want the CNAME alone: %v", got)
	}
	if calls != 1 {
		t.Errorf("%d look-ups, want 1", calls)
	}
}

// TestChaseBound checks that a chain of blocks ends, however long it is.
func TestChaseBound(t *testing.T) {
	t.Parallel()
	depth, calls := 0, 0
	var up chain
	up = func(ctx context.Context, state request.Request, _ string) (*dns.Msg, error) {
		calls++
		depth, _ = ctx.Value(dnsserver.LoopKey{}).(int)
		r := serving(t, "roster", values{"default/solo/a": fmt.Sprintf(`{"host":"solo%d.example.com"}`, calls)})
		r.upstream = up
		w := nonwriter.New(state.W)
		_, err := r.ServeDNS(ctx, w, state.NewWithQuestion("solo.default.svc.internal.", state.QType()).Req)
		w.Msg.Answer[0].Header().Name = fmt.Sprintf("solo%d.example.com.", calls)
		return w.Msg, err
	}
	r := serving(t, "roster", outside)
	r.upstream = up
	if got := ask(t, r, query("solo.default.svc.internal. A"), false); got.Rcode != dns.RcodeSuccess {
		t.Errorf("%v, want NOERROR", got)
	}
	if calls > maxChase || depth > maxChase {
		t.Errorf("%d look-ups to depth %d, want at most %d", calls, depth, maxChase)
	}
}

type chain func(ctx context.Context, state request.Request, name string) (*dns.Msg, error)

func (f chain) Lookup(ctx context.Context, state request.Request, name string, _ uint16) (*dns.Msg, error) {
	return f(ctx, state, name)
}
