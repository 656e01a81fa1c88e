package services

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// TestLists compares the lists of ports with what the sequences yield, while the
// registry changes.
func TestLists(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	s, _ := newStore(t)
	lengths := strings.NewReplacer("/s0/", "/s/", "/s1/", "/"+strings.Repeat("r", catalog.MaxLabel)+"/")
	for revision := int64(1); revision <= 1500; revision++ {
		namespace := fmt.Sprintf("n%d", rng.IntN(3))
		ev := randomEvent(rng, namespace, revision)
		ev.Key = lengths.Replace(ev.Key)
		apply(s, batch(ev))
		if err := checkLists(s.Load(), namespace); err != nil {
			t.Fatalf("seed %d, revision %d: %v", seed, revision, err)
		}
	}
}

// checkLists reports where the lists of ports of a namespace differ from what the
// sequences yield.
func checkLists(g *Generation, namespace string) error {
	protocols := map[string]bool{}
	ports := slices.Collect(g.Ports(namespace))
	for _, p := range ports {
		protocols[p.Protocol] = true
		var names []string
		for svc := range g.WithPort(namespace, p) {
			names = append(names, svc.Name)
		}
		for octets := range catalog.MaxLabel + 1 {
			want := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return len(name) > octets })
			if got := elements(g.PortServices(namespace, p, octets)); !slices.Equal(got, want) {
				return fmt.Errorf("%v of %s, %d octets: %q, want %q", p, namespace, octets, got, want)
			}
		}
	}
	got := elements(g.PortList(namespace))
	slices.SortFunc(got, catalog.PortName.Compare)
	if !slices.Equal(got, ports) {
		return fmt.Errorf("ports %v, want %v", got, ports)
	}
	for _, protocol := range []string{catalog.ProtocolTCP, catalog.ProtocolUDP} {
		if g.HasProtocol(namespace, protocol) != protocols[protocol] {
			return fmt.Errorf("HasProtocol(%s) of %v", protocol, ports)
		}
	}
	return nil
}

func elements[T any](l List[T]) (out []T) {
	for i := range l.Len() {
		out = append(out, l.At(i))
	}
	return out
}

// TestAddressFrom compares the next address with that of all there are, while the
// registry changes.
func TestAddressFrom(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	s, _ := newStore(t)
	some := func() string {
		if rng.IntN(2) == 0 {
			return fmt.Sprintf("10.0.0.%d", rng.IntN(20))
		}
		return fmt.Sprintf("2001:db8::%x", 1+rng.IntN(20))
	}
	for revision := int64(1); revision <= 3*maxReachWaiting; revision++ {
		key := fmt.Sprintf("n/s/i%d", rng.IntN(12))
		if rng.IntN(3) == 0 {
			apply(s, batch(del(revision, key)))
		} else {
			apply(s, batch(put(revision, key, fmt.Sprintf(`{"addresses":[%q,%q]}`, some(), some()))))
		}
		if revision == maxReachWaiting/2 { // in the midst
			s.IndexAddresses()
		}
		if revision < maxReachWaiting/2 {
			continue
		}
		g := s.Load()
		if err := checkAddressFrom(g, some()); err != nil {
			t.Fatalf("seed %d, revision %d: %v", seed, revision, err)
		}
	}
	if x := s.Load().indexes.reach; x.tree == nil || len(x.waiting) > maxReachWaiting {
		t.Errorf("%d edits wait", len(x.waiting))
	}
}

// checkAddressFrom reports where the next address differs from that of all there are.
func checkAddressFrom(g *Generation, from string) error {
	all := map[netip.Addr]bool{}
	for svc := range g.All() {
		for in := range svc.All() {
			for _, a := range in.Addresses {
				all[a] = true
			}
		}
	}
	least := netip.MustParseAddr(from)
	var want netip.Addr
	for _, a := range slices.SortedFunc(maps.Keys(all), netip.Addr.Compare) {
		if a.BitLen() == least.BitLen() && a.Compare(least) >= 0 {
			want = a
			break
		}
	}
	if got, ok := g.AddressFrom(least); got != want || ok != want.IsValid() {
		return fmt.Errorf("from %v: %v, %v, want %v of %v", least, got, ok, want, all)
	}
	return nil
}
