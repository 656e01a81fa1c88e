package faults_test

import (
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// TestLeaderKilled kills the leader of three, which is the member that the mirror is on, again
// and again: changes show two seconds after the cluster takes them again, which is when it has
// elected another. No answer is empty meanwhile, as Consul's were (consul#1273).
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{etcd: harness.EtcdOptions{Members: 3}, proxied: true})
	c := newChanges(t, r, "canary")
	c.next(t, visibleBound)
	repeat(t, 3, func() {
		leader := r.etcd.Members[r.watched(t)]
		r.etcd.MoveLeader(t, leader)
		leader.Kill(t)
		election, shown := c.next(t, visibleBound)
		t.Logf("leader killed: writes again after %v, the first one shown %v later", election, shown)
		r.etcd.RestartMember(t, leader)
		r.waitState(t, liveBound, "live")
	})
	r.finish(t)
}

// TestRollingRestart restarts each of three members in turn, as an upgrade does.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{etcd: harness.EtcdOptions{Members: 3}})
	c := newChanges(t, r, "canary")
	c.next(t, visibleBound)
	repeat(t, 1, func() {
		for i, m := range r.etcd.Members {
			m.Stop(t)
			election, shown := c.next(t, visibleBound)
			r.etcd.RestartMember(t, m)
			_, after := c.next(t, visibleBound)
			t.Logf("member %d stopped: writes after %v, shown %v later; after its return shown in %v", i, election, shown, after)
		}
	})
	r.finish(t)
}

// repeat calls f n times, and in a soak as often as there is time for.
func repeat(t *testing.T, n int, f func()) {
	t.Helper()
	soak, long := harness.Soak(t)
	end := time.Now().Add(soak)
	for i := 0; i < n || (long && time.Now().Before(end)); i++ {
		f()
	}
}
