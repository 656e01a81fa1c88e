package faults_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// TestMemberCutOff cuts the mirror off from the member that it watches, in
// silence, while instances come and go and history is compacted: it goes on with
// another member, equals etcd ten seconds after it noticed, and keeps no ghosts.
func TestMemberCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{etcd: harness.EtcdOptions{Members: 3}, proxied: true})
	repeat(t, 2, func() {
		r.fill(t)
		cut := r.proxies[r.watched(t)]
		broken := r.broken(t)
		cut.Cut()
		start := time.Now()
		r.change(t)
		noticed, equal := r.noticed(t, start, broken)
		harness.Within(t, "being equal to etcd after the cut was noticed", equal-noticed, equalBound)
		if r.broken(t) <= broken {
			t.Error("the mirror noticed nothing: it was not on the member that was cut off")
		}
		t.Logf("cut noticed after %v; equal to etcd after %v, with one member of three still cut off", noticed, equal)
		cut.Heal()
		r.waitState(t, liveBound, "live")
	})
	r.finish(t)
}

// TestCutOff cuts the mirror off from the only member, in silence, while
// instances come and go and history is compacted.
func TestCutOff(t *testing.T) {
	t.Parallel()
	for name, heal := range map[string]func(*harness.Proxy){
		"connections survive": (*harness.Proxy).Heal,
		"connections are lost": func(p *harness.Proxy) {
			p.Reset()
			p.Heal()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{proxied: true})
			r.fill(t)
			start := time.Now()
			r.proxies[0].Cut()
			r.change(t)
			noticed := r.waitState(t, staleBound, "stale")
			harness.Elapse(t, time.Until(start.Add(harness.FaultTime(t, staleBound))))
			heal(r.proxies[0])
			equal := r.equal(t, equalBound, settled)
			t.Logf("cut noticed after %v; equal to etcd %v after its end", noticed, equal)
			r.waitState(t, liveBound, "live")
			r.finish(t)
		})
	}
}

// TestCompactedWhileAway breaks the mirror's connections for a moment, in which
// instances come and go and history is compacted: the watch can't go on where it
// broke off, and what has gone is found by a list.
func TestCompactedWhileAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{proxied: true})
	repeat(t, 3, func() {
		r.fill(t)
		before := r.listed(t, "reason", "compacted")
		start := time.Now()
		r.proxies[0].Cut()
		r.change(t)
		r.proxies[0].Reset()
		r.proxies[0].Heal()
		away := time.Since(start)
		t.Logf("away for %v; equal to etcd %v later", away, r.equal(t, equalBound, settled))
		harness.Eventually(t, equalBound, "the list", func() error { return harness.True(r.listed(t, "reason", "compacted") > before) })
	})
	r.finish(t)
}

// listed is how many times the mirror has listed so far, for what has the labels.
func (r *rig) listed(t *testing.T, labels ...string) float64 {
	t.Helper()
	return r.dns.Metrics(t).Sum("coredns_roster_lists_total", labels...)
}

// fill puts instances that change removes.
func (r *rig) fill(t *testing.T) {
	t.Helper()
	for i := range 5 {
		r.put(t, changing(fmt.Sprintf("ghost-%d", i), 1+i))
		r.put(t, changing(fmt.Sprintf("changed-%d", i), 1+i))
	}
	r.equal(t, equalBound, settled)
}

// change removes some instances, changes others, adds others, and compacts
// history twice, so that no watch can tell of all of it.
func (r *rig) change(t *testing.T) {
	t.Helper()
	for i := range 5 {
		r.remove(t, changing(fmt.Sprintf("ghost-%d", i), 0))
		r.put(t, changing(fmt.Sprintf("changed-%d", i), 100+i))
	}
	r.etcd.Compact(t)
	for i := range 5 {
		r.put(t, changing(fmt.Sprintf("new-%d", i), 1+i))
	}
	r.etcd.Compact(t)
}

// broken is how many times the mirror has noticed so far that something broke.
func (r *rig) broken(t *testing.T) float64 {
	t.Helper()
	return r.dns.Metrics(t).Sum("coredns_roster_mirror_failures_total")
}

// noticed waits until DNS shows what etcd holds, and returns how long after
// start the mirror noticed that something broke, and how long after start it was
// equal.
func (r *rig) noticed(t *testing.T, start time.Time, broken float64) (noticed, equal time.Duration) {
	t.Helper()
	harness.Eventually(t, staleBound, "the cut's being noticed", func() error {
		status, err := harness.MirrorStatus(t.Context(), r.dns.Addr(t), zone)
		if err != nil {
			return err
		}
		return harness.True(status["state"] == "stale" || r.broken(t) > broken || r.shows(t, settled)() == nil)
	})
	noticed = time.Since(start)
	r.equal(t, equalBound, settled)
	return noticed, time.Since(start)
}
