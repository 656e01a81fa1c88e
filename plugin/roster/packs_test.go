package roster

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// asker asks a handler for datagrams.
type asker struct {
	r     *Roster
	count *serverCounters
	buf   []byte
}

// servingPacked returns a handler with a cache of its own.
func servingPacked(tb testing.TB, store *services.Store, limit int) *asker {
	tb.Helper()
	r := servingRegistry(tb, "roster", inState(store, mirror.Live))
	r.packCache = newPackCache(limit)
	return &asker{r, r.counters.of("dns://:53"), make([]byte, 0, dns.DefaultMsgSize)}
}

func (a *asker) ask(tb testing.TB, question string) bool {
	tb.Helper()
	wire, err := query(question).Pack()
	if err != nil {
		tb.Fatal(err)
	}
	_, ok := a.r.answerDatagram(a.buf, wire, ownAddrs[0], a.count)
	return ok
}

// fleetOf returns n services of an instance each.
func fleetOf(n int) values {
	vs := values{}
	for i := range n {
		vs[fmt.Sprintf("default/s%d/a", i)] = fmt.Sprintf(`{"addresses":["10.0.%d.%d"],"ports":[{"name":"http","port":80}]}`, i>>8, i&255)
	}
	return vs
}

// TestPackCacheBound: whatever is asked for, packed record sets take no more than the
// limit, and those stay that are asked for most.
func TestPackCacheBound(t *testing.T) {
	t.Parallel()
	const n, limit = 2_000, 100_000
	store := storeOf(t, fleetOf(n))
	a := servingPacked(t, store, limit)
	slot := func(i int) *packSlot {
		s := servedOf(store.Load().Service("default", fmt.Sprintf("s%d", i)))
		return s.hot.find(hotKey{qtype: dns.TypeA}).packs.first.Load()
	}
	for i := range n {
		for _, asked := range []int{i, 0} {
			if !a.ask(t, fmt.Sprintf("s%d.default.svc.internal. A", asked)) {
				t.Fatalf("s%d: not answered", asked)
			}
		}
		if a.r.packCache.size > limit {
			t.Fatalf("%d octets", a.r.packCache.size)
		}
	}
	if slot(0).packed.Load() == nil {
		t.Error("what was asked for all the time has gone")
	}
	there, size := 0, 0
	for i := range n {
		if p := slot(i).packed.Load(); p != nil {
			there++
			size += p.Size()
		}
	}
	if size != a.r.packCache.size || there != len(a.r.packCache.forms) || size < limit/2 {
		t.Errorf("%d sets of %d octets; counted are %d of %d", there, size, len(a.r.packCache.forms), a.r.packCache.size)
	}
}

// sweepAll takes out all that have gone.
func (c *packCache) sweepAll() {
	for range len(c.forms) {
		c.sweep()
	}
}

// TestPackCacheKeepsWhatIsThere: where sets change all the time, those that have gone don't
// take the room of others.
func TestPackCacheKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	const n, changes = 1_000, 20_000
	form := func() *wire.Packed { return wire.Pack([]wire.Record{{Type: dns.TypeA, Data: make([]byte, 4)}}) }
	c := newPackCache(n * form().Size() * 3 / 2)
	key := packKey{rrtype: dns.TypeA}
	slots := make([]*packSlot, n)
	packed := 0
	for i := range changes {
		at := rand.IntN(n)
		if s := slots[at]; s != nil {
			new(packSlots).take(s)
		}
		slots[at] = (&packs{}).slot(&key)
		for _, s := range []*packSlot{slots[at], slots[rand.IntN(n)]} {
			if s == nil || s.load() != nil {
				continue
			}
			if c.store(s, form()); i > changes/2 {
				packed++
			}
		}
		if len(c.forms) > n*3/2 {
			t.Fatalf("%d packed sets are counted, and %d are there", len(c.forms), n)
		}
	}
	if packed > changes/2*101/100 {
		t.Errorf("%d sets are packed for %d changes", packed, changes/2)
	}
}

// take retires a place as that of a version of a service.
func (s *packSlots) take(slot *packSlot) {
	s.add(slot)
	s.retire()
}

// TestPackCacheForgets: what is packed of a version of a service goes with it, and is
// not counted for long.
func TestPackCacheForgets(t *testing.T) {
	t.Parallel()
	store := storeOf(t, many(10))
	a := servingPacked(t, store, 1<<30)
	c := a.r.packCache
	revision := int64(fixtureRevision)
	for range 1000 {
		revision++
		change(store, revision)
		for _, question := range []string{manyA, manySRV} {
			if !a.ask(t, question) {
				t.Fatal("not answered")
			}
		}
		if len(c.forms) > 2*sweptEach {
			t.Fatalf("%d packed sets are counted, and 2 are there", len(c.forms))
		}
	}
	if c.sweepAll(); len(c.forms) != 2 {
		t.Errorf("%d packed sets are counted after a sweep, want 2", len(c.forms))
	}
	size := 0
	for i := range c.forms {
		size += c.forms[i].size
	}
	if size != c.size || size == 0 {
		t.Errorf("%d octets are counted, and are %d", c.size, size)
	}
}

// TestPackCacheForgetsViews: what is packed of a set that nothing has any more is not
// counted for long.
func TestPackCacheForgetsViews(t *testing.T) {
	t.Parallel()
	c := newPackCache(1 << 20)
	key := packKey{rrtype: dns.TypeA}
	for range 1000 {
		if !c.store((&packs{}).slot(&key), wire.Pack([]wire.Record{{Type: dns.TypeA, Data: make([]byte, 4)}})) {
			t.Fatal("not stored")
		}
	}
	runtime.GC()
	if c.sweepAll(); len(c.forms) != 0 || c.size != 0 {
		t.Errorf("%d packed sets of %d octets are counted", len(c.forms), c.size)
	}
}

// TestPackCacheRetiredMeanwhile: what is packed while the version of its service is replaced
// is not held, nor counted.
func TestPackCacheRetiredMeanwhile(t *testing.T) {
	t.Parallel()
	c := newPackCache(1 << 20)
	key := packKey{rrtype: dns.TypeA}
	slot := (&packs{}).slot(&key)
	p := c.pack(slot, func() *wire.Packed {
		new(packSlots).take(slot)
		return wire.Pack([]wire.Record{{Type: dns.TypeA, Data: make([]byte, 4)}})
	})
	if p == nil {
		t.Error("the question is not answered")
	}
	if slot.packed.Load() != nil || len(c.forms) != 0 || c.size != 0 {
		t.Errorf("held: %v; %d packed sets of %d octets are counted", slot.packed.Load() != nil, len(c.forms), c.size)
	}
}

// TestPackedWhenDue: a large set that is asked for less often than it changes is not
// packed whole each time, and one that is too large never. All questions are answered.
func TestPackedWhenDue(t *testing.T) {
	t.Parallel()
	const n = 10 * packedAtOnce
	store := storeOf(t, many(n))
	served := servedOf(store.Load().Service("default", "many"))
	slot := func(set *setBase) *packSlot { return set.packs.first.Load() }
	a := servingPacked(t, store, 1<<20)
	for i := range 2 * n / packedAfter {
		answered := a.ask(t, manyA)
		if got, want := slot(served.hot.find(hotKey{qtype: dns.TypeA})).packed.Load() != nil, i+1 >= n/packedAfter; !answered || got != want {
			t.Errorf("question %d: answered %v, packed %v, want %v", i, answered, got, want)
		}
	}
	a = servingPacked(t, store, maxShare*n*aSize)
	for range n {
		if !a.ask(t, manySRV) {
			t.Error("not answered")
		}
	}
	s := slot(served.hot.find(hotKey{dns.TypeSRV, portKey{protocol: "tcp", name: "http"}}))
	if size := a.r.packCache.size; size != 0 || !s.refused.Load() || s.packed.Load() != nil {
		t.Errorf("%d octets stored, refused %v: want none, and never more", size, s.refused.Load())
	}
}

// TestPackedOnce: while a large set is packed for one question, others are answered without
// it, and don't pack it, too.
func TestPackedOnce(t *testing.T) {
	t.Parallel()
	r := servingRegistry(t, "roster", inState(storeOf(t, many(1000)), mirror.Live))
	req := query(manySRV)
	s := scratches.Get().(*scratch)
	defer s.release()
	ask := func() hit {
		t.Helper()
		s.query = wire.Query{}
		if !s.take(req) {
			t.Fatal("not taken")
		}
		h, ok := r.find(s, ownAddrs[0])
		if !ok {
			t.Fatal("not answered")
		}
		return h
	}
	ask()
	q := serviceQuestion{&s.question}
	set, _ := q.hotSet()
	key := q.packKeyOf(set)
	slot := set.packs.slot(&key)
	slot.missed.Store(1000)
	h := hit{}
	r.packCache.pack(slot, func() *wire.Packed {
		h = ask()
		return nil
	})
	if h.Packed != nil || h.unpacked != 1000 {
		t.Errorf("%d records are packed while they are", h.Len())
	}
	slot.refused.Store(false)
	if h = ask(); h.Packed == nil {
		t.Error("not packed afterwards")
	}
}
