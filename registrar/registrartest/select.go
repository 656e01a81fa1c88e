package registrartest

import (
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// spread returns orders, with four instances in two localities, with tags:
//
//	a  az1  canary, blue
//	b  az1
//	c  az2  canary
//	d  az2  blue, draining
func spread() *registrar.Service {
	s := service("orders", "a", "b", "c", "d")
	for i, locality := range []string{"az1", "az1", "az2", "az2"} {
		s.Instances[i].Locality = locality
	}
	s.Instances[0].Tags = []string{"canary", "blue"}
	s.Instances[2].Tags = []string{"canary"}
	s.Instances[3].Tags = []string{"blue"}
	s.Instances[3].Status = catalog.StatusDraining
	return s
}

func testTags(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, spread())
	sees(t, r, "orders", "a", "b", "c")
	sees(t, r, "orders?tag=canary", "a", "c")
	sees(t, r, "orders?tag=canary&tag=blue", "a")
	sees(t, r, "orders?tag=blue&tag=canary&tag=blue", "a")
	misses(t, r, "orders?tag=green")
	sees(t, r, f.namespace+"/orders?tag=canary&locality=az2", "c")

	// A selector follows changes, also those of tags.
	more := service("orders", "b")
	more.Instances[0].Tags = []string{"green"}
	register(t, w, more)
	sees(t, r, "orders?tag=green", "b")
	unregister(t, w, more)
	misses(t, r, "orders?tag=green")

	// Failover is for a service of which nobody is left to answer, not for a
	// selection of which nobody is.
	register(t, w, service("backup", "x"))
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.Failover = []catalog.ServiceName{f.name("backup")} })
	misses(t, r, "orders?tag=green")
	sees(t, r, "orders?tag=canary", "a", "c")

	// min_up counts all instances of the service, whatever else is selected by.
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.MinUp = 2 })
	sees(t, r, "orders?tag=blue", "a")
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.MinUp = 3 })
	sees(t, r, "orders?tag=blue", "a", "d")

	// By an alias the other service's instances are selected.
	f.setPolicy(t, w, "cart", func(p *catalog.Policy) { p.Alias = f.name("orders") })
	sees(t, r, "cart?tag=blue", "a", "d")
	misses(t, r, "cart?tag=green")

	// And so are those of a failover.
	f.setPolicy(t, w, "empty", func(p *catalog.Policy) { p.Failover = []catalog.ServiceName{f.name("orders")} })
	sees(t, r, "empty?tag=canary", "a", "c")
	misses(t, r, "empty?tag=green")
}

func testLocality(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, spread())
	sees(t, r, "orders?locality=az1", "a", "b")
	sees(t, r, "orders?locality=az2", "c")
	misses(t, r, "orders?locality=az3")
	misses(t, r, "orders?locality=az1&tag=green")
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.MinUp = 4 })
	sees(t, r, "orders?locality=az2", "c", "d")
}

func testPrefer(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, spread())
	sees(t, r, "orders?prefer=az1", "a", "b")
	sees(t, r, "orders?prefer=az2", "c")
	sees(t, r, "orders?prefer=az3", "a", "b", "c")
	sees(t, r, "orders?prefer=az2&tag=blue", "a") // of those with the tag none there is up
	unregister(t, w, service("orders", "c"))
	sees(t, r, "orders?prefer=az2", "a", "b")
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.MinUp = 3 })
	sees(t, r, "orders?prefer=az2", "d")
}

// testSelectAnyStatus: selectors and status=any together.
func testSelectAnyStatus(t *testing.T, f *fixture) {
	c := f.client(t)
	register(t, c, spread())
	sees(t, c, "orders?status=any", "a", "b", "c", "d")
	sees(t, c, "orders?status=any&tag=blue", "a", "d")
	sees(t, c, "orders?status=any&locality=az2", "c", "d")
	sees(t, c, "orders?status=any&prefer=az2&tag=blue", "d")
	sees(t, c, "orders?status=any&prefer=az3&tag=canary", "a", "c")
	misses(t, c, "orders?status=any&tag=green")
	unregister(t, c, service("orders", "a", "b", "c"))
	misses(t, c, "orders?prefer=az2")
	sees(t, c, "orders?prefer=az2&status=any", "d")
	f.setPolicy(t, c, "orders", func(p *catalog.Policy) { p.Alias = f.name("others") })
	sees(t, c, "orders?status=any&tag=blue", "d")
}
