package registrartest

import (
	"context"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

func testUnregisterNamed(t *testing.T, f *fixture) {
	c := f.client(t)
	s := service("orders", "a", "b", "")
	register(t, c, s)
	unregister(t, c, &registrar.Service{Name: "orders", Instances: []registrar.Instance{{ID: "a"}}})
	sees(t, c, "orders", "10-0-0-3-8083", "b")
	nameless := service("orders", "", "", "")
	nameless.Instances = nameless.Instances[2:]
	unregister(t, c, nameless)
	sees(t, c, "orders", "b")
	if n := len(c.Status()); n != 1 {
		t.Errorf("%d instances are left, want 1: %+v", n, c.Status())
	}
}

func testUnregisterAll(t *testing.T, f *fixture) {
	c, other := f.client(t), f.client(t)
	register(t, c, service("orders", "a", "b"))
	register(t, c, service("others", "a"))
	register(t, other, service("orders", "c"))
	sees(t, c, "orders", "a", "b", "c")
	unregister(t, c, service("orders"))
	sees(t, c, "orders", "c")
	sees(t, c, "others", "a")
	unregister(t, other, service("orders"))
	misses(t, c, "orders")
}

func testUnregisterAbsent(t *testing.T, f *fixture) {
	c := f.client(t)
	unregister(t, c, service("orders"))
	unregister(t, c, service("orders", "a"))
	register(t, c, service("orders", "a"))
	unregister(t, c, service("orders", "a"))
	unregister(t, c, service("orders", "a"))
	misses(t, c, "orders")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := c.Wait(ctx); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if st := c.Status(); len(st) != 0 {
		t.Errorf("instances are left: %+v", st)
	}
}

func testUnregisterOfOthers(t *testing.T, f *fixture) {
	c, operator := f.client(t), f.client(t)
	s := service("db", "a", "b")
	s.Instances[0].Static = true
	register(t, c, s)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	sees(t, operator, "db", "a")
	unregister(t, operator, service("db"))
	sees(t, operator, "db", "a") // it is not the operator's
	unregister(t, operator, service("db", "a"))
	misses(t, operator, "db")
}

// testUnregisterTwice: what a client has written once is not removed as if it
// never had, however often it is unregistered.
func testUnregisterTwice(t *testing.T, f *fixture) {
	old, young := f.client(t), f.client(t)
	register(t, old, service("orders", "a"))
	takeover := service("orders", "a")
	takeover.Instances[0].Weight = 9
	register(t, young, takeover)
	state(t, old, "a", registrar.StateSuperseded)
	before := state(t, young, "a", registrar.StateRegistered)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for range 3 {
		unregister(t, old, service("orders", "a"))
		if err := old.Wait(ctx); err != nil {
			t.Fatalf("Wait: %v", err)
		}
	}
	register(t, young, service("orders", "b"))
	if s := sees(t, young, "orders", "a", "b"); s.Instances[0].Weight != 9 {
		t.Errorf("the successor's instance is %+v", s.Instances[0])
	}
	// Had it been removed, its client would have put it back.
	if after := state(t, young, "a", registrar.StateRegistered); after != before {
		t.Errorf("the successor's status was %+v and is %+v", before, after)
	}
}

func testUnregisterRefuses(t *testing.T, f *fixture) {
	c := f.client(t)
	for name, s := range map[string]*registrar.Service{
		"nil":      nil,
		"no name":  {},
		"bad name": {Name: "a/b"},
		"bad ID":   {Name: "orders", Instances: []registrar.Instance{{ID: "A"}}},
		"no ID":    {Name: "orders", Instances: []registrar.Instance{{}}},
	} {
		wantErr(t, "unregistering "+name, c.Unregister(t.Context(), s), registrar.ErrInvalid)
	}
}

func testRegisterAgain(t *testing.T, f *fixture) {
	c := f.client(t)
	for range 5 {
		register(t, c, service("orders", "a"))
		sees(t, c, "orders", "a")
		unregister(t, c, service("orders", "a"))
		misses(t, c, "orders")
	}
	// Without a look between, the last word counts.
	for range 5 {
		unregister(t, c, service("orders", "a"))
		register(t, c, service("orders", "a"))
	}
	sees(t, c, "orders", "a")
	state(t, c, "a", registrar.StateRegistered)
}
