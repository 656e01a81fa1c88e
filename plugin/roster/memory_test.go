package roster

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// TestMemoryOfQueriedServices: however many services are asked, they take little more than
// what is packed of their answers.
func TestMemoryOfQueriedServices(t *testing.T) { // not parallel: it measures the process's memory
	const many, each = 20_000, 10
	vs := values{}
	for i := range many * each {
		vs[fmt.Sprintf("default/s%d/i%d", i/each, i%each)] = fmt.Sprintf(
			`{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080}],"metadata":{"version":"1.2.3","zone":"a"}}`, i>>16, i>>8&255, i&255)
	}
	store := storeOf(t, vs)
	a := servingPacked(t, store, maxPacked)
	before := heapInUse()
	for i := range many {
		for _, question := range []string{"s%d.default.svc.internal. A", "_http._tcp.s%d.default.svc.internal. SRV"} {
			if !a.ask(t, fmt.Sprintf(question, i)) {
				t.Fatalf("s%d: not answered", i)
			}
		}
	}
	took := heapInUse() - before
	const bound = 350 // bytes; 300 are measured, of which views take 60 that do not grow
	if got := float64(took) / (many * each); got > bound {
		t.Errorf("%.0f bytes for each instance, of which %.0f are packed, want %d", got, float64(a.r.packCache.size)/(many*each), bound)
	}
	runtime.KeepAlive(store)
}

// TestMemoryOfManyBlocks: a block that is asked a few questions takes memory for these.
func TestMemoryOfManyBlocks(t *testing.T) { // not parallel: it measures the process's memory
	const n = 100
	store := storeOf(t, many(10))
	handlers := make([]*Roster, n)
	for i := range handlers {
		handlers[i] = servingRegistry(t, "roster", inState(store, mirror.Live))
	}
	before := heapInUse()
	for _, r := range handlers {
		a := &asker{r, r.counters.of("dns://:53"), make([]byte, 0, dns.DefaultMsgSize)}
		if !a.ask(t, manyA) || !a.ask(t, manySRV) {
			t.Fatal("not answered")
		}
	}
	if each := int64(heapInUse()-before) / n; each > 32<<10 { // less than none, where other memory has gone
		t.Errorf("a block takes %d octets after two questions", each)
	}
	runtime.KeepAlive(handlers)
}

// TestPackedWithoutView: what is packed answers when the view is gone, which a change
// doesn't bring back either.
func TestPackedWithoutView(t *testing.T) {
	t.Parallel()
	store := storeOf(t, many(10))
	a := servingPacked(t, store, maxPacked)
	viewed := func() bool {
		made := servedOf(store.Load().Service("default", "many")).made.Load()
		return made != nil && made.Value() != nil
	}
	for range 2 {
		if !a.ask(t, manyA) || !a.ask(t, manySRV) {
			t.Fatal("not answered")
		}
		for range maxViewed {
			recentViews.add(newView(new(services.Service)))
		}
		runtime.GC()
		if viewed() {
			t.Error("the view is still there")
		}
		if !a.ask(t, manyA) || !a.ask(t, manySRV) || viewed() {
			t.Errorf("a view is made: %v", viewed())
		}
		change(store, store.Load().Revision()+1)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // frees what cleanups and weak pointers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
