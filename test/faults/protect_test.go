package faults_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"

	_ "github.com/rosterdns/roster/registrar/etcd"
)

// A mass of instances that expire at once.
const (
	massServices = 500
	// massTTL leaves the time to write them all, and for all servers to see them.
	massTTL = 20 * time.Second
	// protectFor is for how long the guarded server keeps them.
	protectFor = 30 * time.Second
	// expiryBound is how long after a lease's last renewal its instances can be
	// served: its TTL, 3 s, and 1 s for every 1,000 leases that expire together.
	expiryBound = massTTL + 3*time.Second + massServices/1000*time.Second
)

// mass is an instance of one of the services that vanish.
func mass(service, i int) harness.Instance {
	in := bulk(service, i)
	in.Namespace, in.Static = "mass", false
	return in
}

// grantMass writes services under a lease for each, that nobody renews. It
// returns when the first lease was granted.
func grantMass(t *testing.T, client *clientv3.Client) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	start := time.Now()
	var g errgroup.Group
	g.SetLimit(16)
	for s := range massServices {
		g.Go(func() error {
			lease, err := client.Grant(ctx, int64(massTTL/time.Second))
			if err != nil {
				return err
			}
			var ops []clientv3.Op
			for i := range bulkEach {
				in := mass(s, i)
				ops = append(ops, clientv3.OpPut(in.Key(), in.Value(), clientv3.WithLease(lease.ID)))
			}
			_, err = client.Txn(ctx).Then(ops...).Commit()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return start
}

// served counts the instances that a server has, by its metrics.
func served(t *testing.T, c *harness.CoreDNS) float64 {
	t.Helper()
	return c.Metrics(t).Sum("coredns_roster_instances")
}

// TestProtect lets half of a registry expire at once, under a server with the
// guard and one without: the one serves all of it for the time, the other none.
// What is unregistered goes at once in both.
func TestProtect(t *testing.T) {
	t.Parallel()
	const vanish = massServices * bulkEach
	r := newRig(t, options{leaseTTL: time.Minute, properties: func(*harness.Etcd) []string {
		return []string{fmt.Sprintf("protect 30 %v", protectFor)}
	}})
	plain := harness.StartCoreDNS(t, corefile(r.etcd.Endpoints))
	fill(t, r.etcd.Client(), massServices) // what stays
	reg, err := registrar.Open(t.Context(), "etcd", registrar.WithEndpoints(r.etcd.Endpoints...), registrar.WithNamespace("living"))
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	living := &registrar.Service{Name: "orders"}
	for _, id := range []string{"before", "meanwhile"} {
		living.Instances = append(living.Instances, registrar.Instance{ID: id, Host: "example.com"})
	}
	if err := reg.Register(t.Context(), living); err != nil {
		t.Fatal(err)
	}
	unregister := func(id string) {
		t.Helper()
		if err := reg.Unregister(t.Context(), &registrar.Service{Name: "orders", Instances: []registrar.Instance{{ID: id}}}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*harness.CoreDNS{r.dns, plain} {
			took := harness.Eventually(t, 2*time.Second, id+" gone", func() error {
				m := c.Ask(t, id+".orders.living."+zone, dns.TypeTXT)
				return harness.True(m.Rcode == dns.RcodeNameError)
			})
			t.Logf("unregistered %q: gone after %v", id, took)
		}
	}
	granted := grantMass(t, r.etcd.Client())
	var some []harness.Instance
	for _, s := range []int{0, massServices / 3, massServices - 1} {
		for i := range bulkEach {
			some = append(some, mass(s, i))
		}
	}
	expected := harness.Answers(zone, some)
	r.eventuallyMatches(t, massTTL/2, "the mass in DNS", expected)
	harness.Eventually(t, massTTL/2, "the mass in the other server", func() error { return harness.Matches(t.Context(), plain.Addr(t), expected) })
	r.traffic.Expect(append(harness.Answers(zone, r.stable), expected...))
	all := served(t, r.dns)
	unregister("before")

	harness.Eventually(t, massTTL+10*time.Second, "the guard", func() error {
		return harness.True(r.dns.Metrics(t).Sum("coredns_roster_protected_instances") >= vanish)
	})
	tripped := time.Now()
	var rest float64
	gone := harness.Eventually(t, harness.Patience, "the expired ones gone from the server without a guard", func() error {
		rest = served(t, plain)
		return harness.True(rest <= all-vanish+50) // the stream of registrations comes and goes
	})
	t.Logf("without a guard gone %v after the grant", time.Since(granted))
	if late := time.Since(granted); late > expiryBound+5*time.Second { // the grants took a while, and the metrics are polled
		t.Errorf("without a guard gone after %v (%v after the guard tripped), want %v", late, gone, expiryBound)
	}
	m := r.dns.Metrics(t)
	if got := m.Sum("coredns_roster_protections_total"); got != 1 {
		t.Errorf("%v protections, want 1", got)
	}
	if lines := harness.Lines(r.dns.Output(), "vanish in a mass"); len(lines) != 1 {
		t.Errorf("logged %q, want one line", lines)
	}
	unregister("meanwhile")
	harness.Elapse(t, time.Until(tripped.Add(protectFor-6*time.Second)))
	if now := served(t, r.dns); now < all-50 {
		t.Errorf("%v instances served while protected, of %v", now, all)
	}
	r.traffic.Expect(harness.Answers(zone, r.stable))
	took := harness.Eventually(t, harness.Patience, "the end of protection", func() error {
		// What crashes of the stream of registrations meanwhile is protected for a
		// time of its own.
		return harness.True(r.dns.Metrics(t).Sum("coredns_roster_protected_instances") <= 50 && served(t, r.dns) <= all-vanish+50)
	})
	t.Logf("protected for %v", time.Since(tripped))
	if over := time.Since(tripped) - protectFor; over > 3*time.Second || over < -3*time.Second {
		t.Errorf("protected for %v (waited %v), want %v", protectFor+over, took, protectFor)
	}
	r.stopStreams(t)
}
