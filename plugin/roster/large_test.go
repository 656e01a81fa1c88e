package roster

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	plugintest "github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// randomInstance returns the value of an instance that shares addresses, hosts and ports
// with others.
func randomInstance(rng *rand.Rand) string {
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	where := fmt.Sprintf(`"addresses":["10.0.%d.%d"%s]`, rng.IntN(2), rng.IntN(200), one("", "", `,"10.0.0.1"`, fmt.Sprintf(`,"2001:db8::%x"`, rng.IntN(100))))
	if rng.IntN(10) == 0 {
		where = fmt.Sprintf(`"host":"h%d.example.com"`, rng.IntN(3))
	}
	ports := fmt.Sprintf(`{"name":"http","port":%d}%s`, 80+rng.IntN(2), one("", `,{"name":"dns","port":53,"protocol":"udp"},{"port":53}`, `,{"name":"more","port":80}`))
	return fmt.Sprintf(`{%s,"ports":[%s],"weight":%d,"priority":%d,"ttl":%d,"status":%q}`,
		where, ports, 1+rng.IntN(3), rng.IntN(3), rng.IntN(3)*7, one("up", "up", "up", "draining"))
}

// recordText returns what a set's records are made of, each with what counts when some
// are picked, in order.
func recordText(t *testing.T, set weights, n int, at func(i int) string, priority func(i int) uint16, ends []int) []string {
	t.Helper()
	var list []string
	for i := range n {
		before, after := set.before(i), set.before(i+1)
		if set.find(before, 0, n) != i || set.find(after-1, 0, n) != i {
			t.Fatalf("record %d of %d is not found by its weight", i, n)
		}
		if at := slices.IndexFunc(ends, func(end int) bool { return i < end }); i > 0 && (priority(i) != priority(i-1)) != slices.Contains(ends, i) || at < 0 {
			t.Fatalf("record %d of priority value %d: values end at %v", i, priority(i), ends)
		}
		list = append(list, fmt.Sprint(at(i), " weight ", after-before))
	}
	slices.Sort(list)
	return list
}

// addressTexts returns recordText of addresses.
func addressTexts(t *testing.T, s *addressSet) []string {
	t.Helper()
	if l := s.large; l != nil {
		return recordText(t, l, l.len(), func(i int) string { return l.at(i).addr.String() }, func(i int) uint16 { return l.at(i).in.Priority }, l.ends)
	}
	p := newPicker(len(s.addresses), func(i int) candidate { return s.candidate(s.addresses[i]) })
	return recordText(t, p, s.len(), func(i int) string { return s.addresses[i].String() }, func(int) uint16 { return 0 }, p.ends)
}

// targetTexts returns recordText of targets.
func targetTexts(t *testing.T, s *srvSet) []string {
	t.Helper()
	text := func(o srvTarget) string {
		return fmt.Sprint(cmp.Or(o.Host, o.ID), o.Priority, o.Weight, o.port.Port)
	}
	if l := s.large; l != nil {
		return recordText(t, l, l.len(), func(i int) string { return text(l.at(i)) }, func(i int) uint16 { return l.at(i).Priority }, l.ends)
	}
	p := newPicker(s.len(), func(i int) candidate { return s.targets[i].candidate() })
	return recordText(t, p, s.len(), func(i int) string { return text(s.targets[p.order[i]]) }, func(i int) uint16 { return s.targets[p.order[i]].Priority }, p.ends)
}

// compareLarge compares what is served of a large service with what is made of its
// instances as of a small one's.
func compareLarge(t *testing.T, s *services.Service) {
	t.Helper()
	got, want := &servedOf(s).view().whole, &newServed(s).view().whole
	if got.large == nil || want.large != nil {
		t.Fatalf("%d instances: large %v", s.Len(), got.large != nil)
	}
	for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		g, w := got.addressSet(rrtype), want.addressSet(rrtype)
		if a, b := addressTexts(t, g), addressTexts(t, w); !slices.Equal(a, b) || g.ttl != w.ttl {
			t.Fatalf("revision %d, type %d: %v, TTL %v; want %v, %v", s.Revision, rrtype, a, g.ttl, b, w.ttl)
		}
	}
	keys := []portKey{{}, {number: 80}, {number: 53, protocol: "udp"}, {number: 54}, {name: "http", protocol: "tcp"}, {name: "http", protocol: "udp"}, {protocol: "udp"}, {protocol: "tcp"}}
	for _, key := range keys {
		g, w := got.srvSet(), want.srvSet()
		if key != (portKey{}) {
			if got.hasPort(key) != want.hasPort(key) {
				t.Fatalf("revision %d: port %v: %v", s.Revision, key, got.hasPort(key))
			}
			if g, w = got.srvAt(key), want.srvAt(key); w == nil && g == nil {
				continue
			}
		}
		if a, b := targetTexts(t, g), targetTexts(t, w); !slices.Equal(a, b) || g.ttl != w.ttl {
			t.Fatalf("revision %d, port %v: %v, TTL %v; want %v, %v", s.Revision, key, a, g.ttl, b, w.ttl)
		}
	}
	if got.soleHost() != nil {
		t.Fatal("a host alone")
	}
}

// TestLarge follows a large service through random changes, also of its policy, and down
// to one that is not large and back. Versions are served now and then.
func TestLarge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		vs := values{}
		for i := range 300 {
			vs[fmt.Sprintf("d/s/i%03d", i)] = randomInstance(rng)
		}
		store := storeOf(t, vs)
		revision := store.Load().Revision()
		change := func(n int, event func() mirror.Event) {
			var events []mirror.Event
			for range n {
				revision++
				ev := event()
				ev.ModRevision = revision
				events = append(events, ev)
			}
			apply(store, revision, events...)
		}
		id := func() string { return fmt.Sprintf("d/s/i%03d", rng.IntN(400)) }
		put := func() mirror.Event { return mirror.Event{Key: id(), Value: []byte(randomInstance(rng)), Lease: 1} }
		remove := func() mirror.Event { return mirror.Event{Key: id(), Deleted: true} }
		for range 60 {
			switch rng.IntN(12) {
			case 0:
				change(100, put)
			case 1:
				change(60, remove)
			case 2:
				change(1, func() mirror.Event {
					return mirror.Event{Key: "d/s/_policy", Value: fmt.Appendf(nil, `{"min_up":%d}`, []int{1, 1000}[rng.IntN(2)])}
				})
			default:
				change(1+rng.IntN(3), put)
				change(rng.IntN(2), remove)
			}
			if s := store.Load().Service("d", "s"); s.IsLarge() && rng.IntN(3) > 0 {
				compareLarge(t, s)
			}
		}
	}
}

// TestLargeShares: a version of a large service has the record sets of the one before
// but for what has changed.
func TestLargeShares(t *testing.T) {
	t.Parallel()
	store := storeOf(t, many(20_000))
	served := func() *selection { return servedOf(store.Load().Service("default", "many")).whole() }
	key := portKey{protocol: catalog.ProtocolTCP, name: "http"}
	parts := func() (all map[any]bool) {
		all = map[any]bool{}
		for _, s := range served().addressSet(dns.TypeA).large.shards {
			all[s] = true
		}
		for _, l := range []*srvSet{served().srvSet(), served().srvAt(key)} {
			for _, s := range l.large.shards {
				all[s] = true
			}
		}
		return all
	}
	before := parts()
	change(store, store.Load().Revision()+1)
	after := parts()
	both := 0
	for s := range maps.Keys(before) {
		if after[s] {
			both++
		}
	}
	if len(before) < 500 || len(before)-both > 4 || len(after)-both > 4 { // two addresses, and a target of two sets
		t.Errorf("%d of %d and %d shards are shared", both, len(before), len(after))
	}
}

// TestLargeTooManyPorts: instances that have a port each are found by it as those of small
// services.
func TestLargeTooManyPorts(t *testing.T) {
	t.Parallel()
	vs := values{}
	for i := range 300 {
		vs[fmt.Sprintf("d/s/i%d", i)] = fmt.Sprintf(`{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":%d}]}`, 1000+i)
	}
	r := serving(t, "roster", vs)
	for question, want := range map[string]int{
		"_1007._tcp.s.d.svc.internal. SRV": 1, "_999._tcp.s.d.svc.internal. SRV": 0, "_http._tcp.s.d.svc.internal. SRV": 300, "s.d.svc.internal. A": 1,
	} {
		if got := ask(t, r, query(question), true); len(got.Answer) != want || got.Truncated {
			t.Errorf("%s: %d records, want %d", question, len(got.Answer), want)
		}
	}
}

// TestLargeLongNames: targets whose names are too long are left out of large services, too.
func TestLargeLongNames(t *testing.T) {
	t.Parallel()
	vs := values{}
	for i := range 300 {
		vs[fmt.Sprintf("d/s/%s-%d", strings.Repeat("x", 20+i/10), i)] = `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}]}`
	}
	zone := strings.Repeat(strings.Repeat("z", 50)+".", 4) + "internal."
	r := serving(t, "roster "+zone, vs)
	got := ask(t, r, query("s.d."+zone+" SRV"), true)
	for _, rr := range got.Answer {
		if target := rr.(*dns.SRV).Target; len(target) >= maxName {
			t.Errorf("%s has %d octets", target, len(target)+1)
		}
	}
	if n := len(got.Answer); n == 0 || n == 300 {
		t.Errorf("%d records", n)
	}
}

// BenchmarkChangeOf20000 measures a change to a large service with the first query after
// it: of addresses and targets, all that fit or some, by UDP and by TCP.
func BenchmarkChangeOf20000(b *testing.B) {
	for _, directive := range []string{"", "max_answers 8"} {
		for _, q := range benchQuestions[:2] {
			for _, w := range []dns.ResponseWriter{&plugintest.ResponseWriter{}, &plugintest.ResponseWriter{TCP: true}} {
				b.Run(fmt.Sprintf("%s/%s/tcp=%v", q.name, cmp.Or(directive, "all"), w.(*plugintest.ResponseWriter).TCP), func(b *testing.B) {
					store := storeOf(b, many(20_000))
					h := servingRegistry(b, "roster {\n"+directive+"\n}", inState(store, mirror.Live))
					req := withEDNS(query(q.question), 1232, false)
					revision := int64(fixtureRevision)
					b.ReportAllocs()
					ask(b, h, req.Copy(), false)
					for b.Loop() {
						revision++
						change(store, revision)
						if code, err := h.ServeDNS(b.Context(), w, req); code != 0 || err != nil {
							b.Fatal(code, err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkChangeAmong20000 measures a change to one of 20,000 services of ten instances
// with the first queries after it, for addresses and targets.
func BenchmarkChangeAmong20000(b *testing.B) {
	const services, each = 20_000, 10
	vs := values{}
	value := func(i int) string {
		return fmt.Sprintf(`{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080}],"metadata":{"version":"1.2.3","zone":"a"}}`, i>>16&255, i>>8&255, i&255)
	}
	for i := range services * each {
		vs[fmt.Sprintf("default/s%d/i%d", i/each, i%each)] = value(i)
	}
	store := storeOf(b, vs)
	a := servingPacked(b, store, maxPacked)
	questions := func(i int) []string {
		return []string{fmt.Sprintf("s%d.default.svc.internal. A", i), fmt.Sprintf("_http._tcp.s%d.default.svc.internal. SRV", i)}
	}
	for i := range services {
		for _, q := range questions(i) {
			a.ask(b, q)
		}
	}
	revision := store.Load().Revision()
	b.ReportAllocs()
	for b.Loop() {
		revision++
		i := int(revision) * 7919 % services // a prime, to touch services here and there
		key := fmt.Sprintf("default/s%d/i%d", i, revision%each)
		apply(store, revision, mirror.Event{Key: key, Value: []byte(value(int(revision))), ModRevision: revision, Lease: 1})
		for _, q := range questions(i) {
			a.ask(b, q)
		}
	}
}
