package registrartest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// policies is what the suite sets policies by, which a registrar.Client doesn't do.
type policies interface {
	Policy(ctx context.Context, service catalog.ServiceName) (catalog.Policy, error)
	ChangePolicy(ctx context.Context, service catalog.ServiceName, change func(*catalog.Policy)) (policy catalog.Policy, changed bool, err error)
	DeletePolicy(ctx context.Context, service catalog.ServiceName) error
}

func policiesOf(t *testing.T, c *registrar.Client) policies {
	t.Helper()
	p, ok := c.Registry.(policies)
	if !ok {
		t.Fatalf("driver %q has no policies", c.Name())
	}
	return p
}

// name returns the name of a service in the fixture's namespace.
func (f *fixture) name(service string) catalog.ServiceName {
	return catalog.ServiceName{Namespace: f.namespace, Name: service}
}

// setPolicy changes the policy of a service.
func (f *fixture) setPolicy(t *testing.T, c *registrar.Client, service string, change func(*catalog.Policy)) {
	t.Helper()
	if _, _, err := policiesOf(t, c).ChangePolicy(t.Context(), f.name(service), change); err != nil {
		t.Fatalf("setting the policy of %s: %v", service, err)
	}
}

func testPolicy(t *testing.T, f *fixture) {
	c := f.client(t)
	p := policiesOf(t, c)
	orders := f.name("orders")
	_, err := p.Policy(t.Context(), orders)
	wantErr(t, "the policy of nothing", err, registrar.ErrNotFound)
	wantErr(t, "deleting the policy of nothing", p.DeletePolicy(t.Context(), orders), registrar.ErrNotFound)
	f.setPolicy(t, c, "orders", func(p *catalog.Policy) { p.TTL = 5 })
	f.setPolicy(t, c, "orders", func(p *catalog.Policy) { p.MinUp = 1 })
	if got, err := p.Policy(t.Context(), orders); err != nil || !got.Equal(&catalog.Policy{TTL: 5, MinUp: 1}) {
		t.Errorf("the policy is %+v, %v", got, err)
	}
	f.setPolicy(t, c, "invoices", func(p *catalog.Policy) { p.Alias = orders })
	_, _, err = p.ChangePolicy(t.Context(), orders, func(p *catalog.Policy) { p.Alias = f.name("invoices") })
	wantErr(t, "an alias that leads back", err, registrar.ErrInvalid)
	if err := p.DeletePolicy(t.Context(), orders); err != nil {
		t.Error(err)
	}
	_, err = p.Policy(t.Context(), orders)
	wantErr(t, "a policy that was deleted", err, registrar.ErrNotFound)
}

func testMinUp(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	s := service("orders", "a", "b", "c")
	s.Instances[1].Status = catalog.StatusDraining
	s.Instances[2].Status = catalog.StatusDown
	register(t, w, s)
	sees(t, r, "orders", "a")
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.MinUp = 2 })
	sees(t, r, "orders", "a", "b", "c")
	register(t, w, service("orders", "d"))
	sees(t, r, "orders", "a", "d")
}

func testAlias(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("v1", "a"))
	register(t, w, service("v2", "b"))
	register(t, w, service("v3", "c"))
	f.setPolicy(t, w, "cart", func(p *catalog.Policy) { p.Alias = f.name("v2") })
	first := sees(t, r, "cart", "b")
	if first.Namespace != f.namespace || first.Name != "cart" {
		t.Errorf("the answer is of %s/%s", first.Namespace, first.Name)
	}
	register(t, w, service("cart", "own"))
	register(t, w, service("v2", "b2"))
	sees(t, r, "cart", "b", "b2")

	// An alias is one step.
	f.setPolicy(t, w, "v2", func(p *catalog.Policy) { p.Alias = f.name("v3") })
	sees(t, r, "v2", "c")
	sees(t, r, "cart", "b", "b2")

	f.setPolicy(t, w, "cart", func(p *catalog.Policy) { p.Alias = f.name("v1") })
	second := sees(t, r, "cart", "a")
	if again := sees(t, r, "cart", "a"); again != second {
		t.Error("an unchanged answer is another result")
	}
	f.setPolicy(t, w, "cart", func(p *catalog.Policy) { p.Alias = catalog.ServiceName{} })
	sees(t, r, "cart", "own")
}

func testFailover(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	own := service("orders", "a")
	own.Instances[0].Status = catalog.StatusDown
	register(t, w, own)
	register(t, w, service("us", "u"))
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) {
		p.Failover = []catalog.ServiceName{f.name("eu"), f.name("us")}
	})
	sees(t, r, "orders", "u")
	register(t, w, service("eu", "e"))
	sees(t, r, "orders", "e")
	register(t, w, service("orders", "b"))
	sees(t, r, "orders", "b")
	unregister(t, w, service("orders", "b"))
	sees(t, r, "orders", "e")

	// By min_up of its own, a service answers with what it has.
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.MinUp = 1 })
	sees(t, r, "orders", "a")
	unregister(t, w, own)
	sees(t, r, "orders", "e")

	// Those of an alias come first.
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.Alias = f.name("new") })
	sees(t, r, "orders", "e")
	register(t, w, service("new", "n"))
	sees(t, r, "orders", "n")
	unregister(t, w, service("new", "n"))
	unregister(t, w, service("eu", "e"))
	unregister(t, w, service("us", "u"))
	misses(t, r, "orders")
}

// testAnyStatusIsOwn: who asks for all instances means the service itself, whoever
// answers for it.
func testAnyStatusIsOwn(t *testing.T, f *fixture) {
	c := f.client(t)
	register(t, c, service("v2", "b"))
	f.setPolicy(t, c, "cart", func(p *catalog.Policy) { p.Alias = f.name("v2") })
	sees(t, c, "cart", "b")
	misses(t, c, "cart?status=any")
	register(t, c, service("cart", "own"))
	sees(t, c, "cart?status=any", "own")
	sees(t, c, "cart", "b")

	down := service("orders", "a")
	down.Instances[0].Status = catalog.StatusDown
	register(t, c, down)
	f.setPolicy(t, c, "orders", func(p *catalog.Policy) { p.Failover = []catalog.ServiceName{f.name("v2")} })
	sees(t, c, "orders", "b")
	sees(t, c, "orders?status=any", "a")
}

func testRevisionOfAlias(t *testing.T, f *fixture) {
	c := f.client(t)
	register(t, c, service("v1", "a"))
	register(t, c, service("v2", "b"))
	f.setPolicy(t, c, "cart", func(p *catalog.Policy) { p.Alias = f.name("v2") })
	first := sees(t, c, "cart", "b")
	register(t, c, service("v2", "d"))
	second := sees(t, c, "cart", "b", "d")
	f.setPolicy(t, c, "cart", func(p *catalog.Policy) { p.Alias = f.name("v1") })
	third := sees(t, c, "cart", "a")
	if first.Revision <= 0 || second.Revision <= first.Revision || third.Revision <= second.Revision {
		t.Errorf("revisions %d, %d, %d don't rise", first.Revision, second.Revision, third.Revision)
	}
}

func testListOfPolicies(t *testing.T, f *fixture) {
	c := f.client(t)
	register(t, c, service("orders", "a"))
	f.setPolicy(t, c, "alias", func(p *catalog.Policy) { p.Alias = f.name("later") })
	f.setPolicy(t, c, "failover", func(p *catalog.Policy) { p.Failover = []catalog.ServiceName{f.name("orders")} })
	f.setPolicy(t, c, "plain", func(p *catalog.Policy) { p.MinUp = 1 })
	lists(t, c, f.namespace, "alias", "failover", "orders")

	// What is listed is found once an instance answers for it, and nothing else is.
	sees(t, c, "failover", "a")
	for _, name := range []string{"alias", "alias?status=any", "failover?status=any", "plain", "plain?status=any"} {
		misses(t, c, name)
	}
	register(t, c, service("later", "b"))
	sees(t, c, "alias", "b")
	lists(t, c, f.namespace, "alias", "failover", "later", "orders")

	if err := policiesOf(t, c).DeletePolicy(t.Context(), f.name("alias")); err != nil {
		t.Error(err)
	}
	f.setPolicy(t, c, "failover", func(p *catalog.Policy) { p.Failover = nil })
	unregister(t, c, service("orders", "a"))
	lists(t, c, f.namespace, "later")
	for _, name := range []string{"alias", "failover", "orders"} {
		misses(t, c, name)
	}
}

// lists waits until List returns the names.
func lists(t *testing.T, c *registrar.Client, namespace string, want ...string) {
	t.Helper()
	eventually(t, func() string {
		if got, err := c.List(t.Context(), namespace); err != nil || !slices.Equal(got, want) {
			return fmt.Sprintf("List: %q, %v, want %q", got, err, want)
		}
		return ""
	})
}
