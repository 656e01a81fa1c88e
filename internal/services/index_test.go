package services

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// collect returns what a sequence yields, each as a text.
func collect[T any](seq iter.Seq[T], text func(T) string) (out []string) {
	for v := range seq {
		out = append(out, text(v))
	}
	return out
}

func pathOf(s *Service) string { return s.ServiceName().String() }

func (g *Generation) withAddress(a string) (out []string) {
	for s, in := range g.WithAddress(netip.MustParseAddr(a)) {
		out = append(out, pathOf(s)+"/"+in.ID)
	}
	slices.Sort(out)
	return out
}

func (g *Generation) portsOf(namespace string) []string {
	return collect(g.Ports(namespace), func(n catalog.PortName) string { return n.Name + "/" + n.Protocol })
}

// naive is what the indexes are to show, as going through all services finds it.
type naive struct {
	services                     map[catalog.ServiceName]*Service
	addresses, ports, dependents map[string][]string
}

func naiveOf(g *Generation) naive {
	n := naive{map[catalog.ServiceName]*Service{}, map[string][]string{}, map[string][]string{}, map[string][]string{}}
	add := func(m map[string][]string, key, value string) {
		if !slices.Contains(m[key], value) {
			m[key] = append(m[key], value)
		}
	}
	for s := range g.All() {
		n.services[s.ServiceName()] = s
		for in := range s.All() {
			for _, a := range in.Addresses {
				add(n.addresses, a.String(), pathOf(s)+"/"+in.ID)
			}
			for _, p := range in.Ports {
				if p.Name != "" {
					add(n.ports, s.Namespace, p.Name+"/"+p.Protocol)
					add(n.ports, s.Namespace+" "+p.Name+"/"+p.Protocol, pathOf(s))
					add(n.ports, pathOf(s), p.Name+"/"+p.Protocol)
				}
			}
		}
		if p := s.Policy(); p != nil {
			for _, target := range append([]catalog.ServiceName{p.Alias}, p.Failover...) {
				add(n.dependents, target.String(), pathOf(s))
			}
		}
	}
	for _, list := range n.addresses {
		slices.Sort(list)
	}
	for key, list := range n.ports {
		if !strings.Contains(key, " ") { // else services, which are in order
			slices.Sort(list)
		}
	}
	return n
}

// answering is Answering by the rules, one after the other.
func (n naive) answering(s *Service) *Service {
	p := s.Policy()
	if p == nil {
		return s
	}
	answers := func(s *Service) bool {
		if s == nil {
			return false
		}
		minUp := 0
		if s.Policy() != nil {
			minUp = s.Policy().MinUp
		}
		return len(catalog.Selector{MinUp: minUp}.Select(s.All(), s.Len())) > 0
	}
	own := s
	if p.Alias.Namespace != "" {
		own = n.services[p.Alias]
	}
	if answers(own) {
		return own
	}
	for _, name := range p.Failover {
		if answers(n.services[name]) {
			return n.services[name]
		}
	}
	return own
}

// checkIndexes reports where the indexes of a generation, and what follows policies,
// differ from going through all services.
func checkIndexes(g *Generation) error {
	n := naiveOf(g)
	for a, want := range n.addresses {
		if got := g.withAddress(a); !slices.Equal(got, want) {
			return fmt.Errorf("with address %s: %q, want %q", a, got, want)
		}
	}
	for _, namespace := range []string{"n0", "n1", "n2", "n9", "n"} {
		if got, want := g.portsOf(namespace), n.ports[namespace]; !slices.Equal(got, want) {
			return fmt.Errorf("ports of %s: %q, want %q", namespace, got, want)
		}
		for _, port := range []catalog.PortName{{Name: "http", Protocol: "tcp"}, {Name: "dns", Protocol: "tcp"}, {Name: "dns", Protocol: "udp"}, {Name: "http", Protocol: "udp"}} {
			want := n.ports[namespace+" "+port.Name+"/"+port.Protocol]
			if got := collect(g.WithPort(namespace, port), pathOf); !slices.Equal(got, want) {
				return fmt.Errorf("with port %v in %s: %q, want %q", port, namespace, got, want)
			}
		}
	}
	for name, s := range n.services {
		if got, want := collect(slices.Values(s.NamedPorts()), func(n catalog.PortName) string { return n.Name + "/" + n.Protocol }), n.ports[name.String()]; !slices.Equal(got, want) {
			return fmt.Errorf("ports of %v: %q, want %q", name, got, want)
		}
		if got, want := g.Answering(s), n.answering(s); got != want {
			return fmt.Errorf("%s is answered by %v, want %v", showService(s), got, want)
		}
	}
	for namespace := range 4 {
		for service := range 5 {
			target := catalog.ServiceName{Namespace: fmt.Sprintf("n%d", namespace), Name: fmt.Sprintf("s%d", service)}
			if got, want := collect(g.Dependents(target), pathOf), n.dependents[target.String()]; !slices.Equal(got, want) {
				return fmt.Errorf("dependents of %v: %q, want %q", target, got, want)
			}
		}
	}
	return nil
}

func TestWithAddress(t *testing.T) {
	t.Parallel()
	for _, indexed := range []bool{true, false} {
		t.Run(fmt.Sprintf("indexed=%v", indexed), func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			if indexed {
				s.IndexAddresses()
			}
			withAddresses(t, s)
		})
	}
}

// TestIndexAddresses begins an index in the midst, once.
func TestIndexAddresses(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for i := range 3 * maxWaiting {
		apply(s, batch(put(int64(2+i), fmt.Sprintf("n/s%d/i%d", i%7, i), `{"addresses":["10.0.0.`+fmt.Sprint(i%9)+`"]}`)))
	}
	before := s.Load()
	s.IndexAddresses()
	after := s.Load()
	s.IndexAddresses()
	if before.indexes.addresses.maintained || !after.indexes.addresses.maintained || s.Load() != after || after.Serial() != before.Serial() {
		t.Error("the index is not begun once, without another serial")
	}
	for _, g := range []*Generation{before, after} {
		if err := checkIndexes(g); err != nil {
			t.Error(err)
		}
	}
	apply(s, batch(del(9999, "n/s0/i0"), put(9999, "n/s0/new", value(1, ""))))
	if err := checkIndexes(s.Load()); err != nil {
		t.Error(err)
	}
}

func withAddresses(t *testing.T, s *Store) {
	t.Helper()
	of := func(addresses, status string) string {
		return fmt.Sprintf(`{"addresses":[%s],"status":"%s"}`, addresses, status)
	}
	apply(s, batch(
		put(2, "n/s/b", of(`"10.0.0.1","2001:db8::1"`, "up")), put(3, "n/s/a", of(`"10.0.0.1"`, "down")), put(4, "n/s-t/a", of(`"10.0.0.1"`, "up")),
		put(5, "m/s/a", of(`"10.0.0.1"`, "draining")), put(6, "n/s/c", of(`"10.0.0.10","::a00:1"`, "up")), put(7, "n/h/a", `{"host":"a.example"}`),
	))
	g := s.Load()
	for a, want := range map[string][]string{
		"10.0.0.1": {"m/s/a", "n/s-t/a", "n/s/a", "n/s/b"}, "2001:db8::1": {"n/s/b"}, "10.0.0.10": {"n/s/c"}, "10.0.0.2": nil, "::": nil,
		"::a00:1": {"n/s/c"}, "::ffff:10.0.0.10": {"n/s/c"}, "2001:db8::1%eth0": {"n/s/b"},
	} {
		if got := g.withAddress(a); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", a, got, want)
		}
	}
	for range g.WithAddress(netip.MustParseAddr("10.0.0.1")) { // a loop that ends early
		break
	}
	apply(s, batch(put(8, "n/s/b", of(`"10.0.0.2"`, "up")), del(9, "m/s/a"), put(10, "n/s/a", "{")))
	if got, before := s.Load().withAddress("10.0.0.1"), g.withAddress("10.0.0.1"); !slices.Equal(got, []string{"n/s-t/a"}) || len(before) != 4 {
		t.Errorf("now %q, and of the generation before %q", got, before)
	}
	if got := s.Load().withAddress("10.0.0.2"); !slices.Equal(got, []string{"n/s/b"}) {
		t.Errorf("the new address: %q", got)
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	of := func(ports string) string { return `{"addresses":["10.0.0.1"],"ports":[` + ports + `]}` }
	const http, dns = `{"name":"http","port":80}`, `{"name":"dns","port":53,"protocol":"udp"}`
	apply(s, batch(
		put(2, "n/a/1", of(http)), put(3, "n/a/2", of(http+","+dns)), put(4, "n/b/1", of(`{"port":80}`)), put(5, "n/c/1", of(dns+","+http)),
		put(6, "n-m/a/1", of(`{"name":"smtp","port":25}`)), put(7, "m/a/1", of(`{"name":"imap","port":143},{"name":"imap","port":143,"protocol":"udp"}`)),
	))
	want := map[string][]string{"n": {"dns/udp", "http/tcp"}, "n-m": {"smtp/tcp"}, "m": {"imap/tcp", "imap/udp"}, "none": nil}
	for namespace, want := range want {
		if got := s.Load().portsOf(namespace); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", namespace, got, want)
		}
	}
	with := func(name, protocol string) []string {
		return collect(s.Load().WithPort("n", catalog.PortName{Name: name, Protocol: protocol}), pathOf)
	}
	if got := with("http", "tcp"); !slices.Equal(got, []string{"n/a", "n/c"}) {
		t.Errorf("with http: %q", got)
	}
	if got := with("http", "udp"); got != nil {
		t.Errorf("with http over udp: %q", got)
	}
	a := s.Load().Service("n", "a")
	if got := a.NamedPorts(); len(got) != 2 || &a.NamedPorts()[0] != &got[0] {
		t.Errorf("named ports of n/a: %v, want two, made once", got)
	}
	apply(s, batch(del(8, "n/a/1"), put(9, "n/a/2", of(http)), put(10, "n/c/1", of(http))))
	if got := s.Load().portsOf("n"); !slices.Equal(got, []string{"http/tcp"}) {
		t.Errorf("after nobody has dns: %q", got)
	}
	for range s.Load().Ports("m") { // a loop that ends early
		break
	}
}

func TestAnswering(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	const down = `"status":"down"`
	apply(s, batch(
		put(2, "n/up/a", value(1, "")), put(3, "n/down/a", value(1, down)), put(4, "n/open/a", value(1, down)), put(5, "n/open/_policy", `{"min_up":1}`),
		put(6, "n/alias/_policy", `{"alias":"n/up"}`), put(6, "n/alias/own", value(1, "")), put(7, "n/second/_policy", `{"alias":"n/alias2"}`), put(7, "n/alias2/_policy", `{"alias":"n/up"}`),
		put(8, "n/over/_policy", `{"failover":["n/none","n/down","x/up","n/up","n/open"]}`), put(9, "n/over-up/_policy", `{"failover":["n/open"]}`), put(9, "n/over-up/a", value(1, "")),
		put(10, "n/over-down/_policy", `{"failover":["n/open"]}`), put(10, "n/over-down/a", value(1, down)),
		put(11, "n/both/_policy", `{"alias":"n/down","failover":["n/up"]}`), put(12, "n/nobody/_policy", `{"alias":"n/none","failover":["n/over"]}`),
		put(13, "n/own-open/_policy", `{"failover":["n/up"],"min_up":1}`), put(13, "n/own-open/a", value(1, down)),
		put(14, "n/nothing-else/_policy", `{"failover":["n/down"]}`), put(14, "n/nothing-else/a", value(1, down)),
	))
	g := s.Load()
	for name, want := range map[string]string{
		"up": "n/up", "down": "n/down", "open": "n/open", "alias": "n/up", "second": "n/alias2", "over": "n/up", "over-up": "n/over-up", "over-down": "n/open",
		"both": "n/up", "nobody": "", "own-open": "n/own-open", "nothing-else": "n/nothing-else",
	} {
		got := ""
		if by := g.Answering(g.Service("n", name)); by != nil {
			got = pathOf(by)
		}
		if got != want {
			t.Errorf("%s is answered by %q, want %q", name, got, want)
		}
	}
	if g.Answering(nil) != nil || (*Service)(nil).Answers() || (*Service)(nil).Select(catalog.Selector{}) != nil {
		t.Error("a service that is not there answers")
	}
	if got := g.Service("n", "open").Select(catalog.Selector{}); len(got) != 1 {
		t.Errorf("%d instances answer for a service with min_up, want the one that is down", len(got))
	}
}

func TestDependents(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(
		put(2, "n/b/_policy", `{"alias":"n/s","failover":["n/s","n/t"]}`), put(3, "m/a/_policy", `{"failover":["n/t","n/s"]}`), put(4, "n/a/_policy", `{"alias":"n/s-t"}`),
	))
	of := func(name string) []string {
		return collect(s.Load().Dependents(catalog.ServiceName{Namespace: "n", Name: name}), pathOf)
	}
	for name, want := range map[string][]string{"s": {"m/a", "n/b"}, "t": {"m/a", "n/b"}, "s-t": {"n/a"}, "b": nil} {
		if got := of(name); !slices.Equal(got, want) {
			t.Errorf("dependents of %s: %q, want %q", name, got, want)
		}
	}
	u := s.Subscribe()
	u.Next()
	apply(s, batch(put(5, "n/b/_policy", `{"alias":"n/t"}`), del(6, "m/a/_policy")))
	if deltas, _ := u.Next(); len(deltas) != 1 || len(deltas[0].Changes) != 2 || deltas[0].Changes[0].New.Policy().Alias.Name != "t" || deltas[0].Changes[1].New != nil {
		t.Errorf("told of %+v, want a change of each service", deltas)
	}
	for name, want := range map[string][]string{"s": nil, "t": {"n/b"}} {
		if got := of(name); !slices.Equal(got, want) {
			t.Errorf("dependents of %s after changes: %q, want %q", name, got, want)
		}
	}
}

// TestIndexesOfABatch: what comes and goes within one commit leaves nothing.
func TestIndexesOfABatch(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	s.IndexAddresses()
	v := `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}]}`
	apply(s, batch(put(2, "n/s/a", v), del(3, "n/s/a"), put(4, "n/s/_policy", `{"alias":"n/t"}`), del(5, "n/s/_policy")))
	if x := s.Load().indexes; x.addresses.merge().Len() > 0 || x.ports.tree != nil || x.dependents.tree != nil {
		t.Errorf("indexes have %+v", x)
	}
	apply(s, batch(put(6, "n/s/a", v), del(7, "n/s/a"), put(8, "n/s/a", v)))
	if err := checkIndexes(s.Load()); err != nil {
		t.Error(err)
	}
	apply(s, commit{Revision: 2, Regressed: true, Events: []mirror.Event{put(2, "n/s/b", v)}})
	apply(s, batch(del(9, "n/s/a"), del(10, "n/s/b")))
	if x := s.Load().indexes; x.addresses.merge().Len() > 0 || x.ports.tree != nil {
		t.Errorf("indexes have %+v", x)
	}
}

// TestManyWithAnAddress has many instances share two addresses, and come and go by
// more than wait to get into the tree.
func TestManyWithAnAddress(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	s.IndexAddresses()
	key := func(i int) string { return fmt.Sprintf("n/s%d/i%d", i%7, i) }
	const many = 3*maxWaiting + 5
	revision := int64(1)
	for _, address := range []string{"10.0.0.1", "2001:db8::1", "10.0.0.1"} {
		for i := range many {
			revision++
			apply(s, batch(put(revision, key(i), `{"addresses":["`+address+`"]}`)))
		}
		if err := checkIndexes(s.Load()); err != nil {
			t.Error(err)
		}
		if x := s.Load().indexes.addresses; x.merge().Len() != many || len(x.waiting) > maxWaiting {
			t.Errorf("the index has %d items, want %d; %d edits wait", x.merge().Len(), many, len(x.waiting))
		}
	}
	before := s.Load()
	for i := range many {
		revision++
		apply(s, batch(del(revision, key(i))))
	}
	if n := s.Load().indexes.addresses.merge().Len(); n != 0 {
		t.Errorf("%d items are left of instances that are gone", n)
	}
	if err := checkIndexes(before); err != nil {
		t.Errorf("the generation before: %v", err)
	}
}
