package faults_test

import (
	"context"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/test/harness"
)

// TestAlarms raises the alarms after which etcd refuses writes (NOSPACE), or
// reads too (CORRUPT): answers go on, and what was to be registered meanwhile is
// registered a lease time after the alarm is disarmed.
func TestAlarms(t *testing.T) {
	t.Parallel()
	for _, alarm := range []pb.AlarmType{pb.AlarmType_NOSPACE, pb.AlarmType_CORRUPT} {
		t.Run(alarm.String(), func(t *testing.T) {
			t.Parallel()
			const lease = 5 * time.Second
			r := newRig(t, options{})
			start := time.Now()
			r.etcd.Alarm(t, alarm)
			// Longer than the lease of the stream's registrations, and than the
			// mirror takes to become stale.
			p := r.register(t, "meanwhile", lease)
			harness.Elapse(t, time.Until(start.Add(harness.FaultTime(t, 12*time.Second))))
			status, err := harness.MirrorStatus(t.Context(), r.dns.Addr(t), zone)
			if err != nil {
				t.Fatal(err)
			}
			r.refuses(t)
			if strings.Contains(p.Output(), "registered changing/things/meanwhile") {
				t.Errorf("registered under alarm %v: not what is tested", alarm)
			}
			r.etcd.Disarm(t, alarm)
			disarmed := time.Now()
			p.WaitOutput(t, lease, "registered changing/things/meanwhile", 1)
			registered := time.Since(disarmed)
			r.waitState(t, liveBound, "live")
			r.equal(t, equalBound, settled)
			t.Logf("mirror %v under alarm %v; registered %v after it was disarmed, all equal after %v",
				status["state"], alarm, registered, time.Since(disarmed))
			r.finish(t)
		})
	}
}

// refuses checks that etcd takes no writes.
func (r *rig) refuses(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := r.etcd.Client().Put(ctx, "/elsewhere", ""); err == nil {
		t.Error("etcd takes writes: not what is tested")
	}
}

// register starts a registrar for an instance of the changing service.
func (r *rig) register(t *testing.T, id string, lease time.Duration) *harness.Process {
	t.Helper()
	in := changing(id, 8080)
	r.remember(in.Key())
	return harness.Registrar(t, "register", in.Service, "-n", in.Namespace, "--id", in.ID, "--address", in.Addresses[0],
		"--port", "http:8080", "--lease", lease.String(), "--endpoints", r.etcd.Endpoints[0])
}
