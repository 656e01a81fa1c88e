package registrartest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func testReads(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	misses(t, r, "orders")
	s := service("orders", "b", "a")
	s.Instances[0].Weight, s.Instances[0].Priority = 7, 1
	register(t, w, s)
	got := sees(t, r, "orders", "a", "b")
	if got.Namespace != f.namespace || got.Name != "orders" || got.Stale {
		t.Errorf("read %+v", got)
	}
	in, want := &got.Instances[1], &s.Instances[0]
	if !slices.Equal(in.Addresses, want.Addresses) || !slices.Equal(in.Ports, want.Ports) || in.Weight != 7 || in.Priority != 1 {
		t.Errorf("read %+v, want %+v", in, want)
	}
	if w := got.Instances[0].Weight; w != catalog.DefaultWeight {
		t.Errorf("the weight of an instance that states none is %d", w)
	}
	misses(t, r, "order") // no service is the prefix of another
}

// testFollows: what changes is seen, one after the other and at once.
func testFollows(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("orders", "a", "b", "c"))
	sees(t, r, "orders", "a", "b", "c")
	changed := service("orders", "b")
	changed.Instances[0].Weight = 7
	register(t, w, changed)
	eventually(t, func() string {
		if w := sees(t, r, "orders", "a", "b", "c").Instances[1].Weight; w != 7 {
			return fmt.Sprintf("the weight is %d, want 7", w)
		}
		return ""
	})
	unregister(t, w, service("orders", "a", "b", "c"))
	misses(t, r, "orders")
	register(t, w, service("orders", "b"))
	sees(t, r, "orders", "b")
}

func testNames(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("orders", "a"))
	sees(t, r, "orders", "a")
	sees(t, r, f.namespace+"/orders", "a")
	misses(t, r, "default/none-of-"+f.namespace)
	other := service("orders", "b")
	other.Namespace = f.namespace + "x"
	register(t, w, other)
	sees(t, r, f.namespace+"x/orders", "b")
	for _, name := range []string{
		"", "/", "orders/", "/orders", "a/b/c", "Orders", "dns/orders", "-a", "a b",
		"orders?", "orders?tag=A", "orders?status=up", "orders?port=80",
	} {
		_, err := r.GetService(t.Context(), name)
		wantErr(t, fmt.Sprintf("GetService(%q)", name), err, registrar.ErrInvalid)
	}
}

func testShared(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("orders", "a"))
	s := sees(t, r, "orders", "a")
	register(t, w, service("others", "a"))
	sees(t, r, "others", "a")
	again, err := r.GetService(t.Context(), "orders")
	if err != nil || again != s {
		t.Errorf("an unchanged service is %p, %v, want the same result %p", again, err, s)
	}
	_ = append(s.Instances, instance("b", 2))
	register(t, w, service("orders", "c"))
	sees(t, r, "orders", "a", "c")
	if got := ids(s); len(got) != 1 || got[0] != "a" {
		t.Errorf("a result that was handed out changed to %q", got)
	}
}

func testOnlyUp(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	s := service("orders", "a", "b", "c")
	s.Instances[1].Status = catalog.StatusDraining
	s.Instances[2].Status = catalog.StatusDown
	register(t, w, s)
	sees(t, r, "orders", "a")
	unregister(t, w, service("orders", "a"))
	misses(t, r, "orders")
}

func testClosedReader(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("orders", "a"))
	sees(t, r, "orders", "a")
	if err := r.Close(); is(err, registrar.ErrUnsupported) {
		return // it holds nothing that could be closed
	} else if err != nil {
		t.Errorf("Close: %v", err)
	}
	_, err := r.GetService(context.Background(), "orders")
	wantErr(t, "GetService after Close", err, registrar.ErrClosed)
}
