package faults_test

import (
	"context"
	"fmt"
	"strings"
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
	massSize     = massServices * bulkEach
	// tripBound is how long after the last of them has expired all are protected:
	// the first ones come back when it is a mass, and a busy machine takes its time.
	tripBound = 10 * time.Second
)

var (
	// massTTL leaves the time to write them all, and for all servers to see them.
	massTTL = harness.Slack(20 * time.Second)
	// protectFor is for how long the guarded server keeps them; in a soak longer.
	protectFor = harness.Slack(30 * time.Second)
	// massExpiry is how long after its lease's last renewal an instance can be
	// served: its TTL, 3 s, and 1 s for every 1,000 leases that expire together.
	massExpiry = massTTL + 3*time.Second + massSize*time.Second/1000
)

// mass is an instance of one of the services that expire together.
func mass(service, i int) harness.Instance {
	in := bulk(service, i)
	in.Namespace, in.Static = "mass", false
	return in
}

// grantMass writes instances under a lease for each, that nobody renews but once:
// when all are written, so that they expire together. It returns when that was
// done.
func grantMass(t *testing.T, client *clientv3.Client) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*harness.Patience)
	defer cancel()
	leases := make([]clientv3.LeaseID, massSize)
	each := func(do func(n int) error) {
		t.Helper()
		var g errgroup.Group
		g.SetLimit(64)
		for n := range massSize {
			g.Go(func() error { return do(n) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	each(func(n int) error {
		lease, err := client.Grant(ctx, int64(massTTL/time.Second))
		if err != nil {
			return err
		}
		leases[n] = lease.ID
		in := mass(n/bulkEach, n%bulkEach)
		_, err = client.Put(ctx, in.Key(), in.Value(), clientv3.WithLease(lease.ID))
		return err
	})
	each(func(n int) error {
		_, err := client.KeepAliveOnce(ctx, leases[n])
		return err
	})
	return time.Now()
}

// massLeft counts the instances of the mass that etcd holds.
func massLeft(t *testing.T, client *clientv3.Client) (int64, error) {
	t.Helper()
	in := mass(0, 0)
	resp, err := client.Get(t.Context(), strings.TrimSuffix(in.Key(), in.Service+"/"+in.ID), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	return resp.Count, nil
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
	kept := harness.FaultTime(t, protectFor)
	r := newRig(t, options{leaseTTL: time.Minute, properties: func(*harness.Etcd) []string {
		return []string{fmt.Sprintf("protect 30 %v", kept)}
	}})
	plain := harness.StartCoreDNS(t, corefile(r.etcd.Endpoints))
	fill(t, r.etcd.Client(), massServices) // what stays
	reg, err := registrar.Open(t.Context(), "etcd", registrar.WithEndpoints(r.etcd.Endpoints...), registrar.WithNamespace("living"), harness.LogTo(t))
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
	harness.Eventually(t, massTTL/2, "the mass in the other server", func() error { return harness.Matches(t.Context(), plain.Addrs(t), expected) })
	r.traffic.Expect(append(harness.Answers(zone, r.stable), expected...))
	all := served(t, r.dns)
	unregister("before")

	guarded := func(n float64) func() error {
		return func() error {
			if got := r.dns.Metrics(t).Sum("coredns_roster_protected_instances"); got < n {
				return fmt.Errorf("%v instances are protected, want %v", got, n)
			}
			return nil
		}
	}
	harness.Eventually(t, massTTL+harness.Patience, "the guard", guarded(1))
	began := time.Now()
	harness.Eventually(t, 2*harness.Patience, "etcd letting the mass go", func() error {
		n, err := massLeft(t, r.etcd.Client())
		if err == nil && n > 0 {
			err = fmt.Errorf("%d are left", n)
		}
		return err
	})
	expired := time.Since(granted)
	harness.Eventually(t, visibleBound, "the expired ones gone from the server without a guard", func() error {
		return harness.True(served(t, plain) <= all-massSize+50) // the stream of registrations comes and goes
	})
	gone := time.Since(granted)
	t.Logf("etcd let %d leases go until %v after the last renewal; without a guard gone after %v", massSize, expired, gone)
	// That it takes etcd longer, since it syncs the disk for each, is not ours.
	if expired < massExpiry {
		harness.Within(t, "going without a guard", gone, massExpiry)
	}
	harness.Eventually(t, tripBound, "the guard of all", guarded(massSize))
	tripped := time.Now()
	m := r.dns.Metrics(t)
	if got := m.Sum("coredns_roster_protections_total"); got != 1 {
		t.Errorf("%v protections, want 1", got)
	}
	if lines := harness.Lines(r.dns.Output(), "mass expiry detected"); len(lines) != 1 {
		t.Errorf("logged %q, want one line", lines)
	}
	unregister("meanwhile")
	harness.Elapse(t, time.Until(began.Add(kept-6*time.Second)))
	if now := served(t, r.dns); now < all-50 {
		t.Errorf("%v instances served while protected, of %v", now, all)
	}
	r.traffic.Expect(harness.Answers(zone, r.stable))
	took := harness.Eventually(t, harness.Patience, "the end of protection", func() error {
		// What crashes of the stream of registrations meanwhile is protected for a
		// time of its own.
		return harness.True(r.dns.Metrics(t).Sum("coredns_roster_protected_instances") <= 50 && served(t, r.dns) <= all-massSize+50)
	})
	t.Logf("protected until %v after all were", time.Since(tripped))
	if over := time.Since(tripped) - kept; harness.Timing && (over > 3*time.Second || over < -3*time.Second) {
		t.Errorf("protected for %v (waited %v), want %v", kept+over, took, kept)
	}
	r.stopStreams(t)
}
