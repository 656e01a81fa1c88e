package roster

import (
	"maps"
	"runtime"
	"slices"
	"testing"

	plugintest "github.com/coredns/coredns/plugin/test"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestCostBound checks that the memory that a query takes doesn't grow with the service that it
// asks for. Consul's latency grew with the load (consul#1535, consul#4036).
func TestCostBound(t *testing.T) { // not parallel: it counts the process's allocations
	const small, large = 1_000, 100_000
	vs := many(small)
	few := serving(t, "roster", vs)
	maps.Copy(vs, many(large))
	lots := serving(t, "roster", vs)
	for _, q := range append(benchQuestions, []struct{ name, question string }{
		{"AAAA", "many.default.svc.internal. AAAA"},
		{"SRV of all ports", "many.default.svc.internal. SRV"},
		{"number", "_80._tcp.many.default.svc.internal. SRV"},
		{"protocol", "_tcp.many.default.svc.internal. A"},
		{"type without records", "many.default.svc.internal. MX"},
		{"instance", "i00007.many.default.svc.internal. SRV"},
		{"missing instance", "nope.many.default.svc.internal. A"},
	}...) {
		fewAllocs, fewBytes := cost(t, few, q.question)
		lotsAllocs, lotsBytes := cost(t, lots, q.question)
		// Those of equal work; a tenth and a kilobyte are for what runs beside.
		if lotsAllocs > fewAllocs*1.1+5 || lotsBytes > fewBytes*1.1+1024 {
			t.Errorf("%s: %.0f allocations of %.0f bytes for %d instances, %.0f of %.0f bytes for %d",
				q.name, lotsAllocs, lotsBytes, large, fewAllocs, fewBytes, small)
		}
	}
}

// cost returns what a query allocates that is not the first one of its kind: the median of
// many, since after a collection some memory that is used again is made anew.
func cost(t *testing.T, r *Roster, question string) (allocs, bytes float64) {
	t.Helper()
	const runs = 51
	req, w := withEDNS(query(question), 1232, false), &plugintest.ResponseWriter{}
	var allAllocs, allBytes []float64
	for range runs + 1 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := r.ServeDNS(t.Context(), w, req); err != nil {
			t.Error(err)
		}
		runtime.ReadMemStats(&after)
		allAllocs = append(allAllocs, float64(after.Mallocs-before.Mallocs))
		allBytes = append(allBytes, float64(after.TotalAlloc-before.TotalAlloc))
	}
	median := func(list []float64) float64 {
		list = list[1:] // without the first
		slices.Sort(list)
		return list[runs/2]
	}
	return median(allAllocs), median(allBytes)
}

// TestCostAfterChange bounds what the first query after a change allocates: 200
// changes a second to a service of 20,000 instances leave 20 % of a core only
// where it grows no lists.
func TestCostAfterChange(t *testing.T) { // not parallel: it counts the process's allocations
	const n = 20_000
	store := storeOf(t, many(n))
	h := servingRegistry(t, "roster", inState(store, mirror.Live))
	for question, bound := range map[string]uint64{
		// Pointers to the instances that are up and to their addresses, and the
		// addresses seen in a map.
		manyA: 48,
		// Pointers to the instances that are up, and to instances and their port, with
		// what allocations of that size are rounded up by.
		manySRV: 26,
	} {
		if _, err := h.ServeDNS(t.Context(), &plugintest.ResponseWriter{}, query(question)); err != nil { // it is asked for, before too
			t.Error(err)
		}
		revision := store.Load().Revision() + 1
		change(store, revision)
		req, w := withEDNS(query(question), 1232, false), &plugintest.ResponseWriter{}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := h.ServeDNS(t.Context(), w, req); err != nil {
			t.Error(err)
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / n; got > bound {
			t.Errorf("%s: %d bytes for each of %d instances, want %d", question, got, n, bound)
		}
	}
}
