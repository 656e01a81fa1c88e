package faults_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// TestNets serves no addresses but those of its networks, whatever is
// registered.
func TestNets(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	at := func(id string, addresses ...string) harness.Instance {
		in := changing(id, 80)
		in.Addresses = addresses
		if _, err := in.Put(t.Context(), e.Client(), 0); err != nil {
			t.Fatal(err)
		}
		return in
	}
	inside := at("inside", "10.0.0.1", "2001:db8::1")
	at("mixed", "10.0.0.2", "192.0.2.2")
	outside := at("outside", "198.51.100.7")
	denied := at("denied", "10.0.0.53")
	c := harness.StartCoreDNS(t, corefile(e.Endpoints, "allow_net 10.0.0.0/8 2001:db8::/32", "deny_net 10.0.0.53"))
	mixed := changing("mixed", 80)
	mixed.Addresses = []string{"10.0.0.2"}
	expected := harness.Answers(zone, []harness.Instance{inside, mixed}, outside.Key(), denied.Key())
	harness.Eventually(t, harness.Patience, "what is left", func() error { return harness.Matches(t.Context(), c.Addrs(t), expected) })
	for _, in := range []harness.Instance{outside, denied} {
		if lines := harness.Lines(c.Output(), `"changing/things/`+in.ID+`"`); len(lines) != 1 {
			t.Errorf("logged %q of %s, want one line", lines, in.ID)
		}
	}
	if got := c.Metrics(t).Sum("coredns_roster_denied_addresses_total"); got != 3 {
		t.Errorf("%v denied addresses, want 3", got)
	}
}

// TestStaleBound: after the time that stale states answers end, and nothing but
// the status is told, until etcd is back.
func TestStaleBound(t *testing.T) {
	t.Parallel()
	const bound = 8 * time.Second
	r := newRig(t, options{leaseTTL: time.Minute, properties: func(*harness.Etcd) []string { return []string{"stale " + bound.String()} }})
	r.stopTraffic(t)
	code := func(want int) func() error {
		return func() error {
			for _, q := range []string{"orders.stable." + zone, "nobody.stable." + zone, zone} {
				if got := r.dns.Ask(t, q, dns.TypeSOA).Rcode; (got == dns.RcodeServerFailure) != (want == dns.RcodeServerFailure) {
					return harness.True(false)
				}
			}
			return nil
		}
	}
	left := time.Now()
	r.etcd.Kill(t)
	r.waitState(t, staleBound, "stale")
	if err := code(dns.RcodeSuccess)(); harness.Timing && err != nil {
		t.Error("answers end before their time")
	}
	harness.Eventually(t, harness.Patience, "the end of answers", code(dns.RcodeServerFailure))
	if took := time.Since(left); harness.Timing && (took < bound-2*time.Second || took > bound+3*time.Second) { // the last contact was up to 2 s before
		t.Errorf("answers ended %v after etcd, want %v after the last contact", took, bound)
	}
	r.checkState(t, "stale")
	r.etcd.Restart(t)
	took := harness.Eventually(t, liveBound, "answers again", code(dns.RcodeSuccess))
	t.Logf("answers ended, and were back %v after etcd", took)
	r.registrations.Stop(t).Check(t)
}
