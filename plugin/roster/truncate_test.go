package roster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// many returns a service default/many of n instances with an address and a port.
func many(n int) values {
	vs := values{}
	for i := range n {
		vs[fmt.Sprintf("default/many/i%05d", i)] = fmt.Sprintf(
			`{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":80}]}`, 1+i>>16, i>>8&255, i&255)
	}
	return vs
}

// withEDNS adds an OPT record to a query.
func withEDNS(m *dns.Msg, size uint16, do bool) *dns.Msg {
	m.SetEdns0(size, do)
	return m
}

const (
	manyA   = "many.default.svc.internal. A"
	manySRV = "_http._tcp.many.default.svc.internal. SRV"

	optSize = 11 // in octets
)

// questionSize is the size of a question in octets.
func questionSize(question string) int {
	name, _, _ := strings.Cut(question, " ")
	return len(name) + 1 + 4
}

// TestFitBoundary checks for sizes of all kinds that a message that fills one to
// the last octet is whole, and that one record more is TC.
func TestFitBoundary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		size int
		edns bool
	}{{512, false}, {512, true}, {1232, true}, {1400, true}, {4096, true}} {
		t.Run(fmt.Sprintf("%d edns=%v", tt.size, tt.edns), func(t *testing.T) {
			t.Parallel()
			fixed := headerSize + questionSize(manyA)
			if tt.edns {
				fixed += optSize
			}
			fits := (tt.size - fixed) / aSize
			for _, n := range []int{fits, fits + 1, fits * 3} {
				h := serving(t, "roster {\n max_udp 4096\n}", many(n))
				req := query(manyA)
				if tt.edns {
					withEDNS(req, uint16(tt.size), false)
				}
				got, wire := exchange(t, h, req, false)
				if len(got.Answer) != min(n, fits) || got.Truncated != (n > fits) {
					t.Errorf("%d of %d records, TC %v; %d fit", len(got.Answer), n, got.Truncated, fits)
				}
				if want := fixed + min(n, fits)*aSize; len(wire) != want {
					t.Errorf("%d octets, want %d", len(wire), want)
				}
			}
		})
	}
	// To the very octet: the size of a client that has room for exactly n, or
	// for one octet less.
	h := serving(t, "roster {\n max_udp 4096\n}", many(40))
	exact := headerSize + questionSize(manyA) + optSize + 40*aSize
	for size, want := range map[int]int{exact: 40, exact - 1: 39, exact - aSize: 39, exact - aSize - 1: 38} {
		got := ask(t, h, withEDNS(query(manyA), uint16(size), false), false)
		if len(got.Answer) != want || got.Truncated != (want < 40) {
			t.Errorf("size %d: %d records, TC %v; want %d", size, len(got.Answer), got.Truncated, want)
		}
	}
}

// TestFitShortest checks the smallest records of the shortest name, of which the
// most fit: that there are others still shows.
func TestFitShortest(t *testing.T) {
	t.Parallel()
	vs := values{}
	for i := range 31 {
		vs[fmt.Sprintf("n/s/i%d", i)] = fmt.Sprintf(`{"addresses":["10.0.0.%d"]}`, i)
	}
	h := serving(t, "roster .", vs)
	if fits := (dns.MinMsgSize - headerSize - questionSize("s.n. A")) / aSize; fits != 30 {
		t.Fatalf("%d records fit", fits)
	}
	if got := ask(t, h, query("s.n. A"), false); len(got.Answer) != 30 || !got.Truncated {
		t.Errorf("%d of 31 records, TC %v", len(got.Answer), got.Truncated)
	}
}

// TestFitGlue checks that glue goes before answers, which alone set TC.
func TestFitGlue(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]struct {
		answers, glue int // glue -1: some, but not all
		tc            bool
	}{
		3:  {3, 3, false},
		7:  {7, -1, false},
		40: {-1, 0, true},
	} {
		got := ask(t, serving(t, "roster", many(n)), query(manySRV), false)
		if all := len(got.Answer) == n; all != (want.answers == n) || got.Truncated != want.tc || got.Truncated == all {
			t.Errorf("%d instances: %d answers, TC %v", n, len(got.Answer), got.Truncated)
		}
		if g := len(got.Extra); want.glue >= 0 && g != want.glue || want.glue < 0 && (g == 0 || g >= n) {
			t.Errorf("%d instances: %d glue records, want %d", n, g, want.glue)
		}
		// Over TCP everything is there.
		if got := ask(t, serving(t, "roster", many(n)), query(manySRV), true); len(got.Answer) != n || len(got.Extra) != n || got.Truncated {
			t.Errorf("%d instances over TCP: %d answers, %d glue, TC %v", n, len(got.Answer), len(got.Extra), got.Truncated)
		}
	}
}

// TestFitTCP checks that beyond what any message holds there is a subset, and no
// TC, since there is no other way to ask.
func TestFitTCP(t *testing.T) {
	t.Parallel()
	fits := (dns.MaxMsgSize - headerSize - questionSize(manyA)) / aSize
	h := serving(t, "roster", many(fits+1000))
	seen := map[string]bool{}
	for range 20 {
		got := ask(t, h, query(manyA), true)
		if len(got.Answer) != fits || got.Truncated {
			t.Fatalf("%d records, TC %v; %d fit", len(got.Answer), got.Truncated, fits)
		}
		for _, rr := range got.Answer {
			seen[rr.String()] = true
		}
	}
	// Each is missing from an answer with 1 in 5: from 20 with 1 in 10^14.
	if len(seen) != fits+1000 {
		t.Errorf("20 answers showed %d of %d records: not random", len(seen), fits+1000)
	}
	srv := ask(t, h, query(manySRV), true)
	if len(srv.Answer) < 1000 || len(srv.Extra) != 0 || srv.Truncated {
		t.Errorf("SRV: %d answers, %d glue, TC %v", len(srv.Answer), len(srv.Extra), srv.Truncated)
	}
}

// TestFitDuplicates checks that records that are equal don't crowd out others.
func TestFitDuplicates(t *testing.T) {
	t.Parallel()
	vs := values{"default/many/z": `{"host":"other.example.com","ports":[{"name":"http","port":81}]}`}
	for i := range 5000 {
		vs[fmt.Sprintf("default/many/i%04d", i)] = `{"host":"same.example.com","ports":[{"name":"http","port":80}]}`
	}
	h := serving(t, "roster", vs)
	for range 5 {
		if got := ask(t, h, query(manySRV), false); len(got.Answer) != 2 || got.Truncated {
			t.Fatalf("want the two records that there are: %v", got)
		}
	}
}

// TestRenderWork checks that of a service no more records are made than a message
// has room for, and the one that shows that there are more.
func TestRenderWork(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", many(5000))
	q := r.question(r.zones["svc.internal."], "_http._tcp.many.default.svc.internal.", dns.TypeSRV)
	a := q.resolve()
	for _, size := range []int{dns.MinMsgSize, defaultMaxUDP, dns.MaxMsgSize} {
		m := new(dns.Msg).SetQuestion(q.qname, dns.TypeSRV)
		set := &counted{recordSet: a.records}
		in := shuffled(5000, size/fixedSize+1, false, nil, rand.Uint64())
		glue, cut := render(m, set, &in, size)
		truncate(m, size, true, cut)
		if fits := len(m.Answer); set.rendered != fits+1 || set.glued != 0 || len(glue) != 0 || !m.Truncated {
			t.Errorf("%d octets: %d records and glue of %d targets were made for the %d that fit", size, set.rendered, set.glued, fits)
		}
	}
	// Where all records fit, so it is with glue.
	q.own = servedOf(storeOf(t, many(1000)).Load().Service("default", "many"))
	q.answering = q.own
	a = q.resolve()
	m := new(dns.Msg).SetQuestion(q.qname, dns.TypeSRV)
	set := &counted{recordSet: a.records}
	in := shuffled(1000, 1000, false, nil, rand.Uint64())
	var cut bool
	m.Extra, cut = render(m, set, &in, 60_000)
	truncate(m, 60_000, true, cut)
	if extra := set.glued - len(m.Extra); set.rendered != 1000 || m.Truncated || extra < 1 || extra > set.glued/2 {
		t.Errorf("%d records and glue of %d targets were made; of %d it fits", set.rendered, set.glued, len(m.Extra))
	}
}

// counted counts what is rendered of a set.
type counted struct {
	recordSet
	rendered, glued int
}

func (c *counted) record(i int) dns.RR {
	c.rendered++
	return c.recordSet.record(i)
}

func (c *counted) appendGlue(glue []dns.RR, i int, target string) []dns.RR {
	c.glued++
	return c.recordSet.appendGlue(glue, i, target)
}

func TestEDNS(t *testing.T) {
	t.Parallel()
	h := serving(t, "roster", shop)
	for _, question := range []string{
		"orders.default.svc.internal. SRV", "orders.default.svc.internal. A", "orders.default.svc.internal. MX",
		"nope.svc.internal. A", "svc.internal. NS", "_status.svc.internal. TXT",
	} {
		if got := ask(t, h, query(question), false); got.IsEdns0() != nil {
			t.Errorf("%s: an OPT record that nobody asked for", question)
		}
		for _, do := range []bool{false, true} {
			req := withEDNS(query(question), 1232, do)
			req.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}}
			got := ask(t, h, req, false)
			last, ok := got.Extra[len(got.Extra)-1].(*dns.OPT)
			if !ok || last.Do() != do || last.Version() != 0 || last.UDPSize() != 1232 || len(last.Option) != 0 {
				t.Errorf("%s: DO %v: the last record is %v", question, do, got.Extra[len(got.Extra)-1])
			}
			for _, rr := range got.Extra[:len(got.Extra)-1] {
				if rt := rr.Header().Rrtype; rt != dns.TypeA && rt != dns.TypeAAAA {
					t.Errorf("%s: %v is no glue", question, rr)
				}
			}
		}
	}
}

// TestFitRandom checks with sets and sizes of all kinds that messages never exceed the client's
// size, and consist of whole records of the set. Consul had both wrong (consul#17228,
// consul#3850).
func TestFitRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 150 {
		vs := values{}
		n := 1 + rng.IntN(120)
		for i := range n {
			id := fmt.Sprintf("%d%s", i, strings.Repeat("x", rng.IntN(60)))
			where := fmt.Sprintf(`"host":"h%d.%s.example"`, rng.IntN(50), strings.Repeat("y", 1+rng.IntN(60)))
			if rng.IntN(4) > 0 {
				var addrs []string
				for range 1 + rng.IntN(5) {
					addrs = append(addrs, fmt.Sprintf(`"10.0.%d.%d"`, rng.IntN(3), rng.IntN(256)), fmt.Sprintf(`"2001:db8::%x"`, 1+rng.IntN(500)))
				}
				where = `"addresses":[` + strings.Join(addrs[rng.IntN(len(addrs)):], ",") + `]`
			}
			vs["default/many/"+id] = fmt.Sprintf(`{%s,"ports":[{"name":"http","port":%d},{"port":%d}],"metadata":{"m":"%s"}}`,
				where, 1+rng.IntN(3), 1+rng.IntN(65535), strings.Repeat("m", rng.IntN(200)))
		}
		h := serving(t, "roster {\n max_udp 4096\n}", vs)
		h.upstream = found(t, dns.RcodeSuccess, nil, []string{"example. 60 IN SOA ns.example. root.example. 1 2 3 4 5"})
		first := slices.Sorted(func(yield func(string) bool) {
			for k := range vs {
				if !yield(strings.TrimPrefix(k, "default/many/")) {
					return
				}
			}
		})[0]
		for _, question := range []string{
			manyA, "many.default.svc.internal. AAAA", "many.default.svc.internal. SRV", manySRV, first + ".many.default.svc.internal. TXT",
		} {
			size := uint16(rng.IntN(5000))
			all := ask(t, h, withEDNS(query(question), size, false), true)
			whole := map[string]bool{}
			for _, rr := range slices.Concat(all.Answer, all.Extra) {
				whole[rr.String()] = true
			}
			got := ask(t, h, withEDNS(query(question), size, rng.IntN(2) == 0), false)
			if missing := len(got.Answer) < len(all.Answer); got.Truncated != missing {
				t.Errorf("seed %d: %s in %d: %d of %d answers, TC %v", seed, question, size, len(got.Answer), len(all.Answer), got.Truncated)
			} else if missing && len(got.Extra) != 1 {
				t.Errorf("seed %d: %s in %d: glue is kept and answers are dropped", seed, question, size)
			}
			for _, rr := range slices.Concat(got.Answer, got.Extra) {
				if rr.Header().Rrtype != dns.TypeOPT && !whole[rr.String()] {
					t.Errorf("seed %d: %s in %d: %v is not of the set", seed, question, size, rr)
				}
			}
		}
	}
}
