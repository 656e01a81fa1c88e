package services

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// denying is a filter without some addresses, and without instances that have no other.
type denying struct {
	denied []string

	mu       sync.Mutex
	reported []string // "namespace/service/id old new"
}

func deny(addresses ...string) *denying { return &denying{denied: addresses} }

func (d *denying) Key() string { return strings.Join(d.denied, " ") }

func (d *denying) denies(a netip.Addr) bool { return slices.Contains(d.denied, a.String()) }

func (d *denying) Show(in *catalog.Instance) *catalog.Instance {
	if !slices.ContainsFunc(in.Addresses, d.denies) {
		return in
	}
	other := *in
	if other.Addresses = slices.DeleteFunc(slices.Clone(in.Addresses), d.denies); len(other.Addresses) == 0 {
		return nil
	}
	return &other
}

func (d *denying) Report(altered []Altered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range altered {
		line := fmt.Sprintf("%v/%s ", a.Service, a.New.ID)
		if a.Old != nil {
			line += fmt.Sprint(a.Old.Weight)
		}
		d.reported = append(d.reported, fmt.Sprintf("%s %d", line, a.New.Weight))
	}
}

// shownBy writes what a filter is to show of a generation, from scratch.
func shownBy(g *Generation, f Filter) (out []string) {
	for s := range g.All() {
		line := fmt.Sprintf("%v@%d:", s.ServiceName(), s.Revision)
		n := 0
		for in := range s.All() {
			if in = f.Show(in); in != nil {
				n++
				line += fmt.Sprintf(" %s=%d/%s%v", in.ID, in.Weight, in.Status, in.Addresses)
			}
		}
		if n > 0 || s.Policy().Redirects() {
			out = append(out, fmt.Sprintf("%s %p", line, s.Policy()))
		}
	}
	return out
}

// checkFiltered reports where what a filter shows differs from what it is to show.
func checkFiltered(rng *rand.Rand, whole, g *Generation, f Filter) error {
	if g.Unfiltered() != whole || g.Revision() != whole.Revision() || g.FullSerial() != whole.FullSerial() {
		return fmt.Errorf("revision %d and serial %d, want %d and %d", g.Revision(), g.FullSerial(), whole.Revision(), whole.FullSerial())
	}
	if got, want := shownBy(g, deny()), shownBy(whole, f); !slices.Equal(got, want) {
		return fmt.Errorf("shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for s := range whole.All() {
		altered := false
		for in := range s.All() {
			altered = altered || f.Show(in) != in
		}
		if !altered && g.Service(s.Namespace, s.Name) != s {
			return fmt.Errorf("%v is another version though all of it is shown", s.ServiceName())
		}
	}
	if err := check(g); err != nil {
		return err
	}
	if err := checkIndexes(g); err != nil {
		return err
	}
	if err := checkLists(g, fmt.Sprintf("n%d", rng.IntN(3))); err != nil {
		return err
	}
	if !g.indexes.addresses.maintained {
		return nil
	}
	return checkAddressFrom(g, []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1"}[rng.IntN(4)])
}

// TestFilterRandom compares what filters show, which come and go, with what is shown
// from scratch, while a registry changes at random, with its policies and a Guard.
func TestFilterRandom(t *testing.T) {
	t.Parallel()
	first := rand.Uint64()
	for i := range uint64(10) {
		seed := first + i
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			runFiltered(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

// reader is who reads a store through a filter, and what was shown under each serial
// since.
type reader struct {
	*Filtered
	filter Filter
	was    map[uint32][]string
}

func runFiltered(t *testing.T, rng *rand.Rand) {
	s, _ := newStore(t)
	g := NewGuard(s, GuardConfig{Protect: 30, ProtectFor: time.Minute, KeepLast: time.Minute})
	var readers []*reader
	old := map[*Generation][]string{} // generations that were shown
	revision := int64(1)
	for i := range 300 {
		if i == 100 {
			s.IndexAddresses()
		}
		switch rng.IntN(20) {
		case 0:
			f := []*denying{deny("10.0.0.1"), deny("10.0.0.1", "10.0.0.2", "2001:db8::1"), deny("10.0.0.2", "10.0.0.3")}[rng.IntN(3)]
			readers = append(readers, &reader{s.Filter(f), f, map[uint32][]string{}})
		case 1:
			if len(readers) > 0 {
				readers[0].Close()
				readers = readers[1:]
			}
		case 2:
			g.release(time.Now().Add(time.Duration(rng.IntN(90)) * time.Second))
		case 3:
			s.RaiseSerial()
			for _, r := range readers {
				clear(r.was)
			}
		}
		var events []mirror.Event
		for range rng.IntN(6) {
			revision++
			events = append(events, randomEvent(rng, fmt.Sprintf("n%d", rng.IntN(3)), revision))
		}
		c := commit{Events: events, Revision: revision}
		if rng.IntN(20) == 0 {
			revision = max(1, revision-rng.Int64N(20))
			c.Revision, c.Regressed = revision, true
		}
		apply(g, c)
		for _, r := range readers {
			shown := r.Load()
			if err := checkFiltered(rng, s.Load(), shown, r.filter); err != nil {
				t.Fatalf("step %d, without %s: %v", i, r.filter.Key(), err)
			}
			old[shown], r.was[shown.Serial()] = shownBy(shown, deny()), shownBy(shown, deny())
			if err := r.checkSince(rng); err != nil {
				t.Fatalf("step %d, without %s: %v", i, r.filter.Key(), err)
			}
		}
	}
	for shown, was := range old {
		if now := shownBy(shown, deny()); !slices.Equal(now, was) {
			t.Fatalf("what was shown at %d has become\n%s\nfrom\n%s", shown.Revision(), strings.Join(now, "\n"), strings.Join(was, "\n"))
		}
	}
}

// checkSince reports where what has changed since some serials differs from how the
// generation then and the present one do.
func (r *reader) checkSince(rng *rand.Rand) error {
	for serial, was := range r.was {
		if rng.IntN(10) > 0 {
			continue
		}
		h := r.Since(serial)
		if h.Present != r.Load() {
			return fmt.Errorf("since %d: another generation is the present one", serial)
		}
		if h.Before == nil {
			continue // it is from before the filter
		}
		if got := shownBy(h.Before, deny()); !slices.Equal(got, was) {
			return fmt.Errorf("under %d was\n%s\nwant\n%s", serial, strings.Join(got, "\n"), strings.Join(was, "\n"))
		}
		if got, want := shownBy(h.Before.with(h.Changes), deny()), shownBy(h.Present, deny()); !slices.Equal(got, want) {
			return fmt.Errorf("since %d, with the changes there is\n%s\nwant\n%s", serial, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, c := range h.Changes {
			name := c.name()
			if h.Before.Service(name.Namespace, name.Name) != c.Old || h.Present.Service(name.Namespace, name.Name) != c.New || c.Old == c.New {
				return fmt.Errorf("since %d: the change of %v is not from before to now", serial, name)
			}
		}
	}
	return nil
}

// TestFilteredSince: what has changed is known from the first commit with the filter on.
func TestFilteredSince(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	f := s.Filter(deny("10.0.0.1"))
	apply(s, batch(put(2, "n/s/a", `{"addresses":["10.0.0.1"]}`), put(2, "n/s/b", `{"addresses":["10.0.0.2"]}`)))
	late := s.Filter(deny("10.0.0.2"))
	apply(s, batch(put(3, "n/s/a", `{"addresses":["10.0.0.1"],"weight":7}`), put(3, "n/t/a", `{"addresses":["10.0.0.1"]}`)))
	h := f.Since(2)
	if h.Before == nil || len(h.Changes) != 1 || h.Changes[0].New.Len() != 1 || h.Changes[0].Old.Len() != 1 {
		t.Errorf("since the serial before: %+v", h)
	}
	if h := late.Since(2); h.Before != nil || h.Present != late.Load() {
		t.Errorf("since a serial before the filter: %+v", h)
	}
	f.Close()
	if h := f.Since(2); h.Before != nil || h.Present != f.Load() {
		t.Errorf("since a serial, after Close: %+v", h)
	}
}

// TestFilterIsShared: equal filters have the same, for as long as one is there.
func TestFilterIsShared(t *testing.T) { // not parallel: it counts the process's allocations
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", `{"addresses":["10.0.0.1"]}`), put(2, "n/t/a", `{"addresses":["10.0.0.2"]}`)))
	first, second, other := s.Filter(deny("10.0.0.1")), s.Filter(deny("10.0.0.1")), s.Filter(deny("10.0.0.2"))
	if first.Load() != second.Load() || first.Load() == other.Load() || len(s.Load().filtered) != 2 {
		t.Error("filters that are equal show two generations, or others one")
	}
	if first.Load().Service("n", "t") != s.Load().Service("n", "t") || first.Load().Service("n", "s") != nil {
		t.Error("what is shown whole is another version, or what is hidden is there")
	}
	if n := testing.AllocsPerRun(100, func() { first.Load() }); n != 0 {
		t.Errorf("%v allocations per look-up", n)
	}
	first.Close()
	shown := first.Load()
	apply(s, batch(put(3, "n/u/a", `{"addresses":["10.0.0.2"]}`)))
	if second.Load() != first.Load() || second.Load().Service("n", "u") == nil {
		t.Error("a filter ends with the first one that is closed")
	}
	second.Close()
	last := second.Load()
	apply(s, batch(put(4, "n/v/a", `{"addresses":["10.0.0.2"]}`)))
	if second.Load() != last || shown == nil || len(s.Load().filtered) != 1 {
		t.Error("after the last one is closed, the filter goes on, or another generation is shown")
	}
}

// TestFilterReports tells of what is put and shown otherwise, once there is the filter.
func TestFilterReports(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", `{"addresses":["10.0.0.1"],"weight":1}`), put(2, "n/s/b", `{"addresses":["10.0.0.2"]}`)))
	f := deny("10.0.0.1")
	expect := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(f.reported, want) {
			t.Errorf("%s: reported %q, want %q", when, f.reported, want)
		}
		f.reported = nil
	}
	s.Filter(f)
	expect("at first", "n/s/a  1")
	s.Filter(f)
	expect("again")
	apply(s, batch(put(3, "n/s/a", `{"addresses":["10.0.0.1","10.0.0.2"],"weight":2}`), put(3, "n/s/c", `{"addresses":["10.0.0.2"]}`)))
	expect("a change", "n/s/a 1 2")
	apply(s, batch(put(4, "n/s/c", `{"addresses":["10.0.0.3"]}`), del(4, "n/s/b")))
	expect("a change of others")
	apply(s, batch(del(5, "n/s/a")))
	expect("an end")
}

// TestFilteredAnswering: whom a filter leaves nobody is there only for whom its policy
// names, and answers nothing itself.
func TestFilteredAnswering(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	f := s.Filter(deny("10.0.0.1"))
	apply(s, batch(
		put(2, "n/hidden/a", `{"addresses":["10.0.0.1"]}`), put(2, "n/hidden/_policy", `{"min_up":1}`),
		put(2, "n/over/a", `{"addresses":["10.0.0.1"]}`), put(2, "n/over/_policy", `{"failover":["n/hidden","n/shown"]}`),
		put(2, "n/shown/a", `{"addresses":["10.0.0.2"]}`),
	))
	g := f.Load()
	if over := g.Service("n", "over"); g.Services() != 2 || g.Answering(over) != g.Service("n", "shown") || over.Len() != 0 {
		t.Errorf("of %q %q is shown", show(s.Load()), show(g))
	}
	apply(s, batch(put(3, "n/hidden/a", `{"addresses":["10.0.0.2"]}`)))
	if hidden := f.Load().Service("n", "hidden"); hidden != s.Load().Service("n", "hidden") || f.Load().Answering(f.Load().Service("n", "over")) != hidden {
		t.Errorf("of %q %q is shown", show(s.Load()), show(f.Load()))
	}
}

// TestFilteredDetach: the journal holds nothing that readers made of what a filter has
// shown.
func TestFilteredDetach(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	f := s.Filter(deny("10.0.0.1"))
	change := func(revision int64) *Service {
		apply(s, batch(put(revision, "n/s/a", `{"addresses":["10.0.0.1"]}`), put(revision, "n/s/b", `{"addresses":["10.0.0.2"]}`)))
		return f.Load().Service("n", "s")
	}
	old := change(2)
	first := old.Attachment(build)
	next := change(3)
	second := next.Attachment(build)
	change(4)
	if old.Attachment(build) == first || next.Attachment(build) != second {
		t.Error("what was made of the version before the last one is there, or that of the last one isn't")
	}
}

// TestFilteredCost: what a change of one instance costs doesn't grow with its service,
// of which a filter shows half.
func TestFilteredCost(t *testing.T) { // not parallel: it counts the process's allocations
	var allocs [2]float64
	for i, n := range []int{1_000, 50_000} {
		s, _ := newStore(t)
		s.Filter(deny("10.0.0.1"))
		s.IndexAddresses()
		var events []mirror.Event
		for id := range n {
			events = append(events, put(1, fmt.Sprintf("n/s/i%06d", id), fmt.Sprintf(`{"addresses":["10.0.0.%d"]}`, 1+id%2)))
		}
		apply(s, commit{Events: events, Revision: 1})
		revision := int64(1)
		allocs[i] = testing.AllocsPerRun(2*maxWaiting, func() {
			revision++
			apply(s, batch(put(revision, fmt.Sprintf("n/s/i%06d", revision%50), fmt.Sprintf(`{"addresses":["10.0.0.%d"]}`, 1+revision%3))))
		})
	}
	if allocs[1] > 1.5*allocs[0] {
		t.Errorf("%v allocations of 50,000 instances, %v of 1,000", allocs[1], allocs[0])
	}
	t.Logf("allocations: %v", allocs)
}
