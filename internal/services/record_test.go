package services

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// someInstances are valid instances with all that one can have, and with little.
func someInstances() []catalog.Instance {
	four, six := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("2001:db8::7")
	many := make([]catalog.Port, catalog.MaxPorts)
	for i := range many {
		many[i] = catalog.Port{Name: fmt.Sprintf("port-%d", i), Port: uint16(65535 - i), Protocol: []string{"tcp", "udp"}[i%2]}
	}
	list := []catalog.Instance{
		{ID: "a", Addresses: []netip.Addr{four}},
		{ID: strings.Repeat("i", 63), Addresses: []netip.Addr{six, four}, Ports: []catalog.Port{{Port: 1}}},
		{ID: "a-b", Host: "db.example.com", Ports: []catalog.Port{{Name: "dns", Port: 53, Protocol: "udp"}, {Name: "dns", Port: 53}}},
		{ID: "static", Host: strings.Repeat("h", 63) + "." + strings.Repeat("o", 63) + "." + strings.Repeat("s", 63) + ".t", Static: true},
		{ID: "weight", Addresses: []netip.Addr{four}, Weight: 65535},
		{ID: "priority", Addresses: []netip.Addr{four}, Priority: 1},
		{ID: "ttl", Addresses: []netip.Addr{four}, TTL: 1<<32 - 1},
		{ID: "locality", Addresses: []netip.Addr{four}, Locality: "az1"},
		{ID: "tags", Addresses: []netip.Addr{four}, Tags: []string{"b", "a"}},
		{ID: "metadata", Addresses: []netip.Addr{four}, Metadata: map[string]string{"b": "", "a": strings.Repeat("\x00é", 60), "C": "="}},
		{ID: "draining", Addresses: []netip.Addr{four}, Status: catalog.StatusDraining},
		{ID: "down", Addresses: []netip.Addr{four}, Status: catalog.StatusDown},
		{
			ID: "all", Addresses: slices.Repeat([]netip.Addr{six}, 32), Ports: many, Weight: 1, Priority: 2, TTL: 3, Locality: "l",
			Tags: slices.Repeat([]string{strings.Repeat("t", 63)}, 32), Metadata: map[string]string{"k": "v"}, Status: catalog.StatusDown, Static: true,
		},
	}
	for i := range list {
		list[i].Normalize()
	}
	return list
}

// TestRecord: an instance is what its record was made of, also under an override, and
// what a record tells without making it is the same.
func TestRecord(t *testing.T) {
	t.Parallel()
	for _, in := range someInstances() {
		if err := in.Validate(); err != nil {
			t.Fatal(err)
		}
		r := newRecord(&in)
		if err := recordErr(r, in); err != nil {
			t.Errorf("%s: %v", in.ID, err)
		}
		if _, overridden := r.override(); overridden || r.own() != r || r != newRecord(&in) {
			t.Errorf("%s: it is under an override, or another record", in.ID)
		}
		for _, ov := range []override{{catalog.StatusDraining, 1}, {catalog.StatusDown, 1 << 62}} {
			shown := in
			shown.Status = in.Status.Worse(ov.status)
			under := r.under(ov)
			if err := recordErr(under, shown); err != nil {
				t.Errorf("%s under %v: %v", in.ID, ov, err)
			}
			if got, ok := under.override(); !ok || got != ov || under.own() != r || under.ownStatus() != in.Status || under.under(ov) != under {
				t.Errorf("%s under %v: the override is %v, %v, the instance's own status %s", in.ID, ov, got, ok, under.ownStatus())
			}
		}
	}
}

func recordErr(r record, want catalog.Instance) error {
	if got := r.instance(); !reflect.DeepEqual(got, want) {
		return fmt.Errorf("is\n%#v\nwant\n%#v", got, want)
	}
	switch {
	case r.id() != want.ID || r.status() != want.Status || r.up() != want.Up():
		return fmt.Errorf("is %s, %s", r.id(), r.status())
	case !slices.Equal(slices.Collect(r.addresses().all()), want.Addresses):
		return fmt.Errorf("has addresses %v", slices.Collect(r.addresses().all()))
	case !slices.Equal(slices.Collect(r.ports().all()), want.Ports):
		return fmt.Errorf("has ports %v", slices.Collect(r.ports().all()))
	}
	for _, id := range []string{"", "a", "a-", "a-b", "aa", "b", "zz", want.ID, want.ID + "x"} {
		if got := r.compareID(id); got < 0 != (want.ID < id) || got == 0 != (want.ID == id) {
			return fmt.Errorf("compares as %d with %q", got, id)
		}
	}
	return nil
}

// TestInstanceIsShared: as long as somebody holds an instance all get the same, from
// each version in which it is the same.
func TestInstanceIsShared(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/b", value(1, ""))))
	old := s.Load().Service("n", "s")
	a, b := old.Instance("a"), old.Instance("b")
	apply(s, batch(put(4, "n/s/a", value(1, "")), put(5, "n/s/b", value(2, ""))))
	next := s.Load().Service("n", "s")
	if next.Revision != 5 || next.Instance("a") != a || next.Instance("b") == b || next.Instance("b").Weight != 2 || b.Weight != 1 {
		t.Errorf("a is %p, was %p; b is %+v, was %+v", next.Instance("a"), a, next.Instance("b"), b)
	}
}

// TestInstancesModel makes random changes to instances and to a map, and compares them;
// what was before an edit stays as it was.
func TestInstancesModel(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	entryOf := func(id string) *entry {
		in := catalog.Instance{ID: id, Host: "h.example", Weight: 1, Status: catalog.StatusUp}
		return newEntry(newRecord(&in))
	}
	var x instances
	want := map[string]*entry{}
	for range 300 {
		before := slices.Collect(x.all())
		e := instanceEdits{instances: x}
		n := []int{1, 10, 2000}[rng.IntN(3)]
		for range n {
			id := fmt.Sprintf("i%d", rng.IntN(3000))
			if rng.IntN(5) < 3 {
				next := entryOf(id)
				if old := e.set(id, next); old != want[id] {
					t.Fatalf("%s was %p, not %p", id, want[id], old)
				}
				want[id] = next
			} else if old := e.remove(id); old != want[id] {
				t.Fatalf("%s was %p, not %p", id, want[id], old)
			} else {
				delete(want, id)
			}
		}
		if !slices.Equal(before, slices.Collect(x.all())) {
			t.Fatal("an edit has changed what was before")
		}
		x = e.done()
		if err := instancesErr(&x, want); err != nil {
			t.Fatal(err)
		}
	}
}

func instancesErr(x *instances, want map[string]*entry) error {
	last, n := "", 0
	for e := range x.all() {
		if e.id() <= last || want[e.id()] != e || x.get(e.id()) != e {
			return fmt.Errorf("%q comes after %q, or is not what it should be", e.id(), last)
		}
		last = e.id()
		n++
	}
	if n != len(want) || x.count != n || x.get("none") != nil {
		return fmt.Errorf("%d instances, of which it counts %d, want %d", n, x.count, len(want))
	}
	for i, r := range x.runs {
		if len(r) == 0 || len(r) > maxRun {
			return fmt.Errorf("run %d has %d entries", i, len(r))
		}
	}
	return nil
}
