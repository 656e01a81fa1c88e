package faults_test

import (
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// converged bounds how long a change may take to show over a connection that is
// bad: the contract says that it shows, not when.
const converged = time.Minute

// TestLatency delays what passes between etcd and others, the mirror and
// registrars, by half a second in each direction.
func TestLatency(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{proxied: true, proxiedClients: true})
	for _, p := range r.proxies {
		p.Delay(500 * time.Millisecond)
	}
	l := startLags(t, r, converged)
	harness.Elapse(t, harness.FaultTime(t, 15*time.Second))
	// One that is under way, and the delay, which is in each direction.
	harness.Within(t, "a change", l.stop(t), equalBound)
	l.neverStale(t)
	r.finish(t)
}

// TestResets resets all connections between etcd and others, the mirror and
// registrars, every second.
func TestResets(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{etcd: harness.EtcdOptions{Members: 3}, proxied: true, proxiedClients: true})
	for _, p := range r.proxies {
		defer p.ResetEvery(time.Second)()
	}
	l := startLags(t, r, converged)
	harness.Elapse(t, harness.FaultTime(t, 15*time.Second))
	l.stop(t)
	r.finish(t)
}
