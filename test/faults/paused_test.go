package faults_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// TestRegistrarPaused stops a registrar for longer than its lease, by SIGSTOP:
// its instance goes, and is back a lease time after the process goes on, once.
func TestRegistrarPaused(t *testing.T) {
	t.Parallel()
	const lease = 3 * time.Second
	// expiryBound is the contract's lease TTL + 3 s.
	const expiryBound = lease + 3*time.Second
	r := newRig(t, options{})
	p := r.register(t, "paused", lease)
	p.WaitOutput(t, harness.Patience, "registered changing/things/paused", 1)
	r.equal(t, equalBound, settled)
	ours := func(in harness.Instance) bool { return in.ID == "paused" }
	repeat(t, 2, func() {
		p.Pause(t)
		gone := harness.Eventually(t, expiryBound, "the instance's going from DNS with its lease", func() error {
			return harness.True(r.dns.Ask(t, "paused.things.changing."+zone, dns.TypeA).Rcode == dns.RcodeNameError)
		})
		if n := len(r.instances(t, ours)); n != 0 {
			t.Errorf("gone from DNS, with %d keys in etcd", n)
		}
		r.equal(t, equalBound, settled)
		p.Continue(t)
		back := harness.Eventually(t, lease, "the instance's being back", func() error {
			return harness.True(len(r.instances(t, ours)) == 1)
		})
		shown := r.equal(t, equalBound, settled)
		t.Logf("gone %v after the pause began, back %v after its end, shown %v later", gone, back, shown)
		// A second key, or a key that comes and goes, would show within a lease.
		created := r.created(t, "paused")
		harness.Elapse(t, lease+time.Second)
		if again := r.created(t, "paused"); again != created {
			t.Errorf("the key was created at revision %d, and again at %d", created, again)
		}
	})
	r.finish(t)
}

// created is the revision at which the key of an instance of the changing
// service was created.
func (r *rig) created(t *testing.T, id string) int64 {
	t.Helper()
	in := changing(id, 0)
	resp, err := r.etcd.Client().Get(t.Context(), in.Key())
	if err != nil || len(resp.Kvs) != 1 {
		t.Fatalf("reading %q: %v, %v", in.Key(), resp, err)
	}
	return resp.Kvs[0].CreateRevision
}
