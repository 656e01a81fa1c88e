package registrartest

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func testRegister(t *testing.T, f *fixture) {
	writer, reader := f.client(t), f.client(t)
	misses(t, reader, "orders")
	register(t, writer, service("orders", "b"))
	register(t, writer, service("orders", "a"))
	s := sees(t, reader, "orders", "a", "b")
	sees(t, writer, "orders", "a", "b")
	want := instance("b", 1)
	want.Weight, want.Status = catalog.DefaultWeight, catalog.StatusUp
	if !reflect.DeepEqual(s.Instances[1], want) {
		t.Errorf("read %+v, want %+v", s.Instances[1], want)
	}
	if s.Namespace != f.namespace || s.Name != "orders" || s.Revision == 0 || s.Stale {
		t.Errorf("read %+v", s)
	}
	misses(t, reader, "order")
}

func testReplace(t *testing.T, f *fixture) {
	c := f.client(t)
	register(t, c, service("orders", "a", "b"))
	changed := service("orders", "b")
	changed.Instances[0].Weight = 7
	register(t, c, changed)
	state(t, c, "a", registrar.StateRegistered)
	state(t, c, "b", registrar.StateRegistered)
	eventually(t, func() string {
		s := sees(t, c, "orders", "a", "b")
		if w := s.Instances[1].Weight; w != 7 {
			return fmt.Sprintf("weight is %d, want 7", w)
		}
		return ""
	})
}

func testCopies(t *testing.T, f *fixture) {
	c := f.client(t)
	s := service("orders", "a")
	s.Instances[0].Tags = []string{"canary"}
	s.Instances[0].Metadata = map[string]string{"version": "1"}
	if err := c.Register(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	s.Instances[0].Tags[0], s.Instances[0].Metadata["version"] = "changed", "2"
	s.Instances[0].Addresses[0] = netip.MustParseAddr("192.0.2.1")
	s.Name, s.Instances[0].ID = "changed", "changed"
	got := sees(t, c, "orders", "a").Instances[0]
	if got.Tags[0] != "canary" || got.Metadata["version"] != "1" || got.Addresses[0] != netip.MustParseAddr("10.0.0.1") {
		t.Errorf("what is registered changed with the caller's value: %+v", got)
	}
}

func testRefuses(t *testing.T, f *fixture) {
	c := f.client(t)
	result := service("orders", "a")
	result.Revision = 1
	twice := service("orders", "a", "a")
	broken := service("orders", "a")
	broken.Instances[0].Addresses = nil
	for name, s := range map[string]*registrar.Service{
		"nil":                 nil,
		"no name":             service("", "a"),
		"bad name":            service("Orders", "a"),
		"bad ID":              service("orders", "a_b"),
		"reserved namespace":  {Namespace: "dns", Name: "orders", Instances: service("orders", "a").Instances},
		"no instances":        service("orders"),
		"a result":            result,
		"an ID twice":         twice,
		"neither address nor": broken,
	} {
		wantErr(t, "registering "+name, c.Register(t.Context(), s), registrar.ErrInvalid)
	}
	if st := c.Status(); len(st) != 0 {
		t.Errorf("instances were recorded: %+v", st)
	}
	misses(t, c, "orders")
}

func testFillsIn(t *testing.T, f *fixture) {
	c := f.client(t)
	s := service("orders", "")
	register(t, c, s)
	got := sees(t, c, "orders", "10-0-0-1-8081")
	if got.Namespace != f.namespace {
		t.Errorf("namespace is %q, want %q", got.Namespace, f.namespace)
	}
	if s.Instances[0].ID != "" || s.Namespace != "" {
		t.Errorf("the caller's value was changed to %+v", s)
	}
	other := service("orders", "a")
	other.Namespace = f.namespace + "x"
	register(t, c, other)
	sees(t, c, f.namespace+"x/orders", "a")
	sees(t, c, "orders", "10-0-0-1-8081")
}

// testRefusesResults: what was read is registered only by who says so, with Clone.
func testRefusesResults(t *testing.T, f *fixture) {
	c := f.client(t)
	register(t, c, service("orders", "a"))
	s := sees(t, c, "orders", "a")
	wantErr(t, "registering a result", c.Register(t.Context(), s), registrar.ErrInvalid)
	register(t, c, s.Clone())
}

func testAnyStatus(t *testing.T, f *fixture) {
	c := f.client(t)
	s := service("orders", "a", "b", "c")
	s.Instances[1].Status = catalog.StatusDraining
	s.Instances[2].Status = catalog.StatusDown
	register(t, c, s)
	sees(t, c, "orders", "a")
	sees(t, c, "orders?status=any", "a", "b", "c")
	sees(t, c, f.namespace+"/orders?status=any", "a", "b", "c")
	unregister(t, c, service("orders", "a"))
	misses(t, c, "orders")
	sees(t, c, "orders?status=any", "b", "c")
}

func testRevision(t *testing.T, f *fixture) {
	c := f.client(t)
	register(t, c, service("orders", "a"))
	first := sees(t, c, "orders", "a")
	if st := state(t, c, "a", registrar.StateRegistered); st.Revision != first.Revision {
		t.Errorf("Status has the revision %d of the write, GetService %d", st.Revision, first.Revision)
	}
	register(t, c, service("orders", "b"))
	second := sees(t, c, "orders", "a", "b")
	unregister(t, c, service("orders", "a"))
	third := sees(t, c, "orders", "b")
	if first.Revision <= 0 || second.Revision <= first.Revision || third.Revision <= second.Revision {
		t.Errorf("revisions %d, %d, %d don't rise", first.Revision, second.Revision, third.Revision)
	}
}
