package faults_test

import (
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// TestOutage takes etcd away for a minute, by SIGKILL and by SIGSTOP with leases
// that are longer: no answer fails or changes, staleness shows, and the mirror
// is live soon after.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		leave, comeBack func(testing.TB, *harness.Etcd)
		members         int
	}{
		"killed": {
			leave:    func(t testing.TB, e *harness.Etcd) { t.Helper(); e.Kill(t) },
			comeBack: func(t testing.TB, e *harness.Etcd) { t.Helper(); e.Restart(t) },
		},
		"stopped": {
			leave:    func(t testing.TB, e *harness.Etcd) { t.Helper(); e.Pause(t) },
			comeBack: func(t testing.TB, e *harness.Etcd) { t.Helper(); e.Continue(t) },
		},
		"without a leader": {
			members: 3,
			leave:   func(t testing.TB, e *harness.Etcd) { t.Helper(); e.Members[0].Kill(t); e.Members[1].Kill(t) },
			comeBack: func(t testing.TB, e *harness.Etcd) {
				t.Helper()
				e.Members[0].Start(t)
				e.Members[1].Start(t)
				e.WaitServing(t)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outage := harness.FaultTime(t, time.Minute)
			// A stopped etcd counts the time on: a lease has to outlast that, and
			// is an hour at most.
			r := newRig(t, options{etcd: harness.EtcdOptions{Members: test.members}, leaseTTL: min(2*outage, time.Hour).Truncate(time.Second)})
			r.put(t, changing("before", 1))

			left := time.Now()
			test.leave(t, r.etcd)
			stale := r.waitState(t, staleBound, "stale")
			r.checkState(t, "stale")
			harness.Elapse(t, time.Until(left.Add(outage)))
			r.checkState(t, "stale")

			test.comeBack(t, r.etcd)
			live := r.waitState(t, liveBound, "live")
			r.checkState(t, "live")
			r.put(t, changing("after", 2))
			r.remove(t, changing("before", 1))
			equal := r.equal(t, equalBound, settled)
			t.Logf("etcd %s for %v: stale shown after %v, live %v after its return, changes shown after %v", name, outage, stale, live, equal)
			r.finish(t)
		})
	}
}
