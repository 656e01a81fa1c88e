package roster

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/miekg/dns"
)

// uniqueForms are questions that there is no end of: about names that don't exist, and by
// tags and localities that no instance has. In place of each number comes another one
// each time.
var uniqueForms = map[string][]string{
	"names":      {"x%d.default.svc.internal. A", "_p%d._tcp.many.default.svc.internal. SRV", "x%d.many.default.svc.internal. A", "x%d.x.svc.internal. AAAA"},
	"tags":       {"x%d._tag.many.default.svc.internal. A", "t1._tag.x%d._tag.many.default.svc.internal. SRV", "_http._tcp.x%d._tag.many.default.svc.internal. SRV"},
	"localities": {"_http._tcp.x%d.pin._zone.many.default.svc.internal. SRV", "x%d.prefer._zone.many.default.svc.internal. A", "t1._tag.x%d.prefer._zone.many.default.svc.internal. A"},
}

// TestMemoryOfUniqueNames: questions that there is no end of leave nothing behind, however
// they come. (The rows memory/unique-… of test/bench ask a million of each.)
func TestMemoryOfUniqueNames(t *testing.T) { // not parallel: it measures the process's memory
	const (
		warmUp = 2_000 // after which everything is there that is bounded
		n      = 35_000
		bound  = n * 16 << 20 / 1_000_000 // in octets: 16 MiB by a million
	)
	r := serving(t, "roster", labelled(100))
	a := &asker{r, r.counters.of("dns://:53"), make([]byte, 0, dns.DefaultMsgSize)}
	withWriter(t, query(manyA), func(ctx context.Context, w dns.ResponseWriter, _ *dns.Msg) {
		inChain := func(question string) {
			if _, err := r.ServeDNS(ctx, w, query(question)); err != nil {
				t.Error(err)
			}
		}
		ways := map[string]func(question string){
			"in the chain": inChain,
			"on the fast path": func(question string) {
				if !a.ask(t, question) {
					inChain(question)
				}
			},
		}
		for kind, forms := range uniqueForms {
			for way, ask := range ways {
				asked := 0
				grown := growthBy(func(n int) {
					for range n {
						asked++
						ask(fmt.Sprintf(forms[asked%len(forms)], asked))
					}
				}, warmUp, n)
				if grown > bound {
					t.Errorf("%s %s: %d octets more after %d questions, want at most %d", kind, way, grown, n, bound)
				}
			}
		}
	})
}

// growthBy returns by how many octets the heap grows when do is called for n after it was
// called for some others.
func growthBy(do func(n int), before, n int) int64 {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what was in pools goes with the second one
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	do(before)
	start := heap()
	do(n)
	return heap() - start
}
