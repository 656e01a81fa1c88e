package roster

import (
	"maps"
	"runtime"
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

// cost returns what a query allocates that is not the first one of its kind.
func cost(t *testing.T, r *Roster, question string) (allocs, bytes float64) {
	t.Helper()
	const runs = 50
	req, w := withEDNS(query(question), 1232, false), &plugintest.ResponseWriter{}
	var before, after runtime.MemStats
	allocs = testing.AllocsPerRun(runs, func() {
		// AllocsPerRun makes one run first, whose cost is not counted.
		if before.TotalAlloc == 0 {
			defer runtime.ReadMemStats(&before)
		}
		if _, err := r.ServeDNS(t.Context(), w, req); err != nil {
			t.Error(err)
		}
	})
	runtime.ReadMemStats(&after)
	return allocs, float64(after.TotalAlloc-before.TotalAlloc) / runs
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
