package roster

import (
	"fmt"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// answerTo returns what answers a question without the server, and its first record; it
// is nil where nothing is packed.
func (a *asker) answerTo(tb testing.TB, question string) (*dns.Msg, string) {
	tb.Helper()
	wire, err := query(question).Pack()
	if err != nil {
		tb.Fatal(err)
	}
	answer, ok := a.r.answerDatagram(a.buf, wire, ownAddrs[0], a.count)
	if !ok {
		return nil, ""
	}
	m := new(dns.Msg)
	if err := m.Unpack(answer); err != nil || len(m.Answer) == 0 {
		tb.Fatal(m, err)
	}
	return m, m.Answer[0].String()
}

// isIndexedBy reports whether a handler finds a question by its octets.
func isIndexedBy(tb testing.TB, r *Roster, question string) bool {
	tb.Helper()
	s := new(scratch)
	if !s.take(query(question)) {
		tb.Fatal(question)
	}
	p, _ := r.index.find(s.query.AppendKey(nil))
	return p != nil
}

// TestIndex checks which questions are found by their octets, once they were answered.
func TestIndex(t *testing.T) {
	t.Parallel()
	vs := values{
		"default/web/a":         `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}],"tags":["t"],"locality":"az1"}`,
		"default/alias/_policy": `{"alias":"default/web"}`,
		"default/over/_policy":  `{"failover":["default/web"]}`,
	}
	store := storeOf(t, vs)
	a := servingPacked(t, store, 1<<20)
	for question, want := range map[string]bool{
		"web.default.svc.internal. A": true, "web.default.svc.internal. SRV": true, "_http._tcp.web.default.svc.internal. SRV": true,
		"_80._tcp.WEB.default.svc.internal. SRV":     true,
		"web.default.svc.internal. AAAA":             false, // which depends on the serial
		"t._tag.web.default.svc.internal. A":         false,
		"x.prefer._zone.web.default.svc.internal. A": false,
		"alias.default.svc.internal. A":              false,
		"over.default.svc.internal. A":               false,
		"nope.default.svc.internal. A":               false,
	} {
		for range 2 {
			a.ask(t, question)
		}
		if got := isIndexedBy(t, a.r, question); got != want {
			t.Errorf("%s: %v, want %v", question, got, want)
		}
	}
	if !isIndexedBy(t, a.r, "WEB.default.SVC.internal. A") {
		t.Error("another spelling is not found")
	}
	local := servingRegistry(t, "roster {\n locality 192.0.2.0/24 az1\n}", inState(store, mirror.Live))
	at := &asker{local, a.count, a.buf}
	if at.ask(t, "web.default.svc.internal. A"); isIndexedBy(t, local, "web.default.svc.internal. A") {
		t.Error("an answer is found that depends on the client")
	}
}

// TestIndexWhileChanging: who has seen a version of a service gets no answer of one before,
// whether a filter shows it as it is or not.
func TestIndexWhileChanging(t *testing.T) {
	t.Parallel()
	const changes = 3_000
	store := emptyStore()
	put := func(revision int64) {
		value := fmt.Appendf(nil, `{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":80}]}`, revision>>16, revision>>8&255, revision&255)
		apply(store, revision,
			mirror.Event{Key: "default/web/a", Value: value, ModRevision: revision, Lease: 1},
			mirror.Event{Key: "default/web/b", Value: []byte(`{"addresses":["192.0.2.1"],"status":"down"}`), ModRevision: revision, Lease: 1})
	}
	put(1)
	var readers sync.WaitGroup
	for _, directive := range []string{"roster", "roster {\n deny_net 192.0.2.0/24\n}"} {
		r := servingRegistry(t, directive, inState(store, mirror.Live))
		for range 2 {
			readers.Go(func() {
				a := &asker{r, r.counters.of("dns://:53"), make([]byte, 0, dns.DefaultMsgSize)}
				for seen := int64(0); seen < changes; {
					m, _ := a.answerTo(t, "web.default.svc.internal. A")
					if m != nil { // not while the version changes
						ip := m.Answer[0].(*dns.A).A.To4()
						if got := int64(ip[1])<<16 | int64(ip[2])<<8 | int64(ip[3]); got < seen {
							t.Errorf("an answer of version %d after version %d was seen", got, seen)
							return
						}
					}
					seen = r.replica.Load().Service("default", "web").Revision
				}
			})
		}
	}
	for revision := int64(2); revision <= changes; revision++ {
		put(revision)
	}
	readers.Wait()
}

// TestIndexForgets: what is packed of versions before is not held by the index.
func TestIndexForgets(t *testing.T) {
	t.Parallel()
	store := storeOf(t, many(10))
	a := servingPacked(t, store, 1<<30)
	a.ask(t, manyA)
	slot := func() *packSlot {
		_, slot, _ := a.r.packed(questionOf(a.r, manyA))
		return slot
	}
	old := slot()
	change(store, fixtureRevision+1)
	if old.packed.Load() != nil || old.load() != nil || isIndexedBy(t, a.r, manyA) {
		t.Error("what was packed of the version before is there")
	}
	if !a.ask(t, manyA) || !isIndexedBy(t, a.r, manyA) || slot() == old {
		t.Error("the next version is not answered")
	}
}

// questionOf returns a question of a handler's first zone as it is parsed.
func questionOf(r *Roster, question string) *question {
	req := query(question)
	return r.question(r.zones[r.origins[0]], req.Question[0].Name, req.Question[0].Qtype)
}

// TestIndexYields: questions that have the same places share them, and of more than these
// each gets one some time.
func TestIndexYields(t *testing.T) {
	t.Parallel()
	var x index
	live := func() *packSlot {
		s := new(packSlot)
		s.packed.Store(pack(single(&dns.A{Hdr: dns.RR_Header{Name: "x.", Rrtype: dns.TypeA}})))
		return s
	}
	there := func(question []byte) bool {
		p, _ := x.find(question)
		return p != nil
	}
	page, first := x.at([]byte("question"))
	same := [][]byte{[]byte("question")} // that have the same places
	for i := 0; len(same) <= indexWays; i++ {
		question := fmt.Appendf(nil, "question %d", i)
		if p, n := x.at(question); p == page && n|1 == first|1 {
			same = append(same, question)
		}
	}
	for _, question := range same[:indexWays] {
		x.add(question, live(), picking{})
		x.add(question, live(), picking{}) // in the same place
	}
	for _, question := range same[:indexWays] {
		if !there(question) {
			t.Errorf("%q is not found: there is a place for it", question)
		}
	}
	last, attempts := same[indexWays], 0
	for ; !there(last) && attempts < 100*indexYields; attempts++ {
		x.add(last, live(), picking{})
	}
	if !there(last) {
		t.Errorf("%q is not found after %d attempts", last, attempts)
	}
	for way := range uint64(indexWays) {
		page.Load()[first^way].Load().slot.packed.Store(nil)
	}
	for _, question := range same[:indexWays] {
		if x.add(question, live(), picking{}); !there(question) {
			t.Errorf("%q is not found: the places of what is gone are free", question)
		}
	}
}

// TestIndexOfGone: questions that nobody asks again, about services that are gone, leave most
// places free.
func TestIndexOfGone(t *testing.T) {
	t.Parallel()
	const asked = 400_000
	var x index
	gone := new(packSlot)
	gone.retired.Store(true)
	for i := range asked {
		x.add(fmt.Appendf(nil, "question %d", i), gone, picking{})
	}
	taken := 0
	for i := range x.pages {
		for j := range x.pages[i].Load() {
			if x.pages[i].Load()[j].Load() != nil {
				taken++
			}
		}
	}
	if limit := indexPages * pagePlaces / (indexClears - 1); taken > limit {
		t.Errorf("%d places are taken, want %d at most", taken, limit)
	}
}

var _ services.Retirer = (*servedService)(nil)
