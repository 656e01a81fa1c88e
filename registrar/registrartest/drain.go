package registrartest

import (
	"context"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// named returns a service that names instances by ID alone.
func named(name string, ids ...string) *registrar.Service {
	s := &registrar.Service{Name: name}
	for _, id := range ids {
		s.Instances = append(s.Instances, registrar.Instance{ID: id})
	}
	return s
}

func drain(t *testing.T, c *registrar.Client, s *registrar.Service) {
	t.Helper()
	if err := c.Drain(t.Context(), s, "kernel update"); err != nil {
		t.Fatalf("Drain(%s): %v", s.Name, err)
	}
}

func undrain(t *testing.T, c *registrar.Client, s *registrar.Service) {
	t.Helper()
	if err := c.Undrain(t.Context(), s); err != nil {
		t.Fatalf("Undrain(%s): %v", s.Name, err)
	}
}

// testDrain: an operator takes instances out that others have registered.
func testDrain(t *testing.T, f *fixture) {
	owner, operator := f.client(t), f.client(t)
	s := service("orders", "a", "b", "c", "")
	s.Instances[1].Static = true
	register(t, owner, s)
	nameless := service("orders", "", "", "", "")
	nameless.Instances = nameless.Instances[3:]
	drain(t, operator, nameless)
	drain(t, operator, named("orders", "a", "b"))
	sees(t, operator, "orders", "c")
	all := sees(t, operator, "orders?status=any", "10-0-0-4-8084", "a", "b", "c")
	for i, want := range []catalog.Status{catalog.StatusDraining, catalog.StatusDraining, catalog.StatusDraining, catalog.StatusUp} {
		if got := all.Instances[i].Status; got != want {
			t.Errorf("%s is %q, want %q", all.Instances[i].ID, got, want)
		}
	}
	state(t, owner, "a", registrar.StateRegistered) // its owner goes on
	drain(t, operator, named("orders", "a"))
	undrain(t, operator, nameless)
	undrain(t, operator, named("orders", "a", "b", "never-drained"))
	sees(t, operator, "orders", "10-0-0-4-8084", "a", "b", "c")
}

// testDrainLasts: a new registration doesn't end it, nor the end of the client, and an
// instance that isn't there is drained when it comes.
func testDrainLasts(t *testing.T, f *fixture) {
	owner, operator, reader := f.client(t), f.client(t), f.client(t)
	drain(t, operator, named("orders", "a"))
	if err := operator.Close(); err != nil {
		t.Fatal(err)
	}
	register(t, owner, service("orders", "a", "b"))
	sees(t, reader, "orders", "b")
	unregister(t, owner, service("orders", "a"))
	register(t, owner, service("orders", "a"))
	sees(t, reader, "orders?status=any", "a", "b")
	sees(t, reader, "orders", "b")
	// The worse of both counts.
	down := service("orders", "a")
	down.Instances[0].Status = catalog.StatusDown
	register(t, owner, down)
	eventually(t, func() string {
		if got := sees(t, reader, "orders?status=any", "a", "b").Instances[0].Status; got != catalog.StatusDown {
			return "a is " + string(got)
		}
		return ""
	})
	// A result names its instances, too.
	undrain(t, owner, sees(t, reader, "orders?status=any", "a", "b"))
	register(t, owner, service("orders", "a"))
	sees(t, reader, "orders", "a", "b")
}

func testDrainRefuses(t *testing.T, f *fixture) {
	c := f.client(t)
	for name, s := range map[string]*registrar.Service{
		"nil":          nil,
		"no name":      named("", "a"),
		"bad name":     named("a/b", "a"),
		"selectors":    named("orders?tag=canary", "a"),
		"no instances": named("orders"),
		"bad ID":       named("orders", "A"),
		"no ID":        named("orders", ""),
		"no namespace": {Namespace: "dns", Name: "orders", Instances: named("orders", "a").Instances},
	} {
		wantErr(t, "draining "+name, c.Drain(t.Context(), s, ""), registrar.ErrInvalid)
		wantErr(t, "undraining "+name, c.Undrain(t.Context(), s), registrar.ErrInvalid)
	}
	wantErr(t, "a reason that is not UTF-8", c.Drain(t.Context(), named("orders", "a"), "\xff"), registrar.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, "after the end of ctx", c.Drain(ctx, named("orders", "a"), ""), context.Canceled)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Drain after Close", c.Drain(t.Context(), named("orders", "a"), ""), registrar.ErrClosed)
	wantErr(t, "Undrain after Close", c.Undrain(t.Context(), named("orders", "a")), registrar.ErrClosed)
}
