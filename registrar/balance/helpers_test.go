package balance_test

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// finder is a Finder that returns what it is told.
type finder struct {
	service atomic.Pointer[registrar.Service]
	err     error // in place of ErrNotFound
}

func (f *finder) GetService(context.Context, string) (*registrar.Service, error) {
	if s := f.service.Load(); s != nil {
		return s, nil
	}
	if f.err != nil {
		return nil, f.err
	}
	return nil, fmt.Errorf("fake: %w", registrar.ErrNotFound)
}

// set replaces the instances.
func (f *finder) set(instances ...registrar.Instance) {
	f.service.Store(&registrar.Service{Name: "orders", Instances: instances})
}

func find(instances ...registrar.Instance) *finder {
	f := &finder{}
	f.set(instances...)
	return f
}

// instance returns one whose address follows from its ID, of one letter.
func instance(id string, change ...func(*registrar.Instance)) registrar.Instance {
	in := registrar.Instance{
		ID: id, Weight: 100,
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, id[0]})},
		Ports:     []registrar.Port{{Name: "http", Port: 80}, {Name: "grpc", Port: 90}},
	}
	for _, f := range change {
		f(&in)
	}
	return in
}

func weight(w uint16) func(*registrar.Instance) {
	return func(in *registrar.Instance) { in.Weight = w }
}

func priority(p uint16) func(*registrar.Instance) {
	return func(in *registrar.Instance) { in.Priority = p }
}

func locality(l string) func(*registrar.Instance) {
	return func(in *registrar.Instance) { in.Locality = l }
}

// many returns n instances of the same kind: a, b, ….
func many(n int, change ...func(*registrar.Instance)) []registrar.Instance {
	list := make([]registrar.Instance, n)
	for i := range list {
		list[i] = instance(string(rune('a'+i)), change...)
	}
	return list
}

func pick(t testing.TB, b *balance.Balancer, exclude ...string) balance.Picked {
	t.Helper()
	p, err := b.Pick(t.Context(), exclude...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// finish picks, ends the request at once with the outcome, and returns the ID.
func finish(t testing.TB, b *balance.Balancer, outcome balance.Outcome, exclude ...string) string {
	t.Helper()
	p := pick(t, b, exclude...)
	p.Done(balance.Result{Outcome: outcome})
	return p.Instance.ID
}

// count returns how often each instance is picked for n requests that succeed.
func count(t testing.TB, b *balance.Balancer, n int, exclude ...string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for range n {
		counts[finish(t, b, balance.OK, exclude...)]++
	}
	return counts
}

// fits fails the test unless the counts are such as the shares lead to by chance, in 999
// of 1,000 cases, by Pearson's chi-square test.
func fits(t *testing.T, counts map[string]int, share map[string]float64) {
	t.Helper()
	n, total := 0.0, 0.0
	for id, c := range counts {
		if share[id] == 0 {
			t.Errorf("%s is picked %d times, want never", id, c)
		}
		n += float64(c)
	}
	for _, s := range share {
		total += s
	}
	square := 0.0
	for id, s := range share {
		expected := n * s / total
		square += (float64(counts[id]) - expected) * (float64(counts[id]) - expected) / expected
	}
	if critical := chiSquare(len(share) - 1); square > critical {
		t.Errorf("chi-square is %.1f, more than %.1f: picked %v, want shares %v", square, critical, counts, share)
	}
}

// chiSquare returns the value that chi-square exceeds in one of 1,000 cases (Wilson and
// Hilferty's approximation).
func chiSquare(freedom int) float64 {
	if freedom == 0 {
		return 0
	}
	const z = 3.0902 // of the normal distribution
	v := 2 / (9 * float64(freedom))
	return float64(freedom) * math.Pow(1-v+z*math.Sqrt(v), 3)
}
