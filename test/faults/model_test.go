package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// seedEnv repeats the steps of a run whose seed is known, as far as etcd
	// takes and refuses the same.
	seedEnv = "ROSTER_SEED"
	// modelTime is how long the steps go on; in a soak longer, up to maxModelTime.
	modelTime    = 20 * time.Second
	maxModelTime = 10 * time.Minute
	// quietEvery is about how many steps lie between two quiet points.
	quietEvery = 60
	// maxStepPause bounds the pause after a step.
	maxStepPause = 50 * time.Millisecond
)

// TestModel changes a registry, and breaks what a mirror of it depends on, at
// random. Whenever all faults have ended, the mirror as DNS shows it equals etcd
// ten seconds later; and the serial of the zone never goes back while one
// process runs, nor when it ends by TERM and starts again with a snapshot.
func TestModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	if s := os.Getenv(seedEnv); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedEnv, err)
		}
	}
	t.Logf("%s=%d repeats the steps", seedEnv, seed)
	m := newModel(t, seed)
	start := time.Now()
	end := start.Add(min(harness.FaultTime(t, modelTime), maxModelTime))
	for time.Now().Before(end) {
		for range 1 + m.rand.IntN(2*quietEvery) {
			m.step(t)
		}
		m.quiet(t)
	}
	t.Logf("seed %d, with a snapshot: %v, %v: %d steps, %d quiet points, %d differences; longest time until equal %v; steps %v",
		seed, m.keep, time.Since(start).Round(time.Second), m.steps, m.quiets, m.differences, m.longest.Round(time.Millisecond), m.counts)
}

// model is a registry under test, and what is broken of it at the moment.
type model struct {
	rig
	rand   *rand.Rand
	keep   bool               // the mirror has a snapshot
	leases []clientv3.LeaseID // granted, and perhaps gone
	backup string             // empty before the first
	last   uint32             // serial that can't be gone behind; 0: none yet
	trace  []string           // the last steps

	cut, refused, killed, paused bool
	launching                    bool // coredns was started and not waited for

	steps, quiets, differences int
	counts                     map[string]int
	longest                    time.Duration
	ttl                        int
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	m := &model{rand: rand.New(rand.NewPCG(seed, 0)), counts: map[string]int{}}
	m.keep = m.rand.IntN(2) == 0
	m.etcd = harness.StartEtcd(t, harness.EtcdOptions{})
	m.proxies = harness.StartProxies(t, m.etcd)
	m.dns = harness.StartCoreDNS(t, m.corefile())
	return m
}

// corefile is another one each time, so that a reload has something to do.
func (m *model) corefile() string {
	m.ttl = m.ttl%60 + 1
	properties := []string{fmt.Sprintf("ttl %d", m.ttl)}
	if m.keep {
		properties = append(properties, "snapshot {{dir}}/snapshot")
	}
	return corefile([]string{m.proxies[0].Endpoint()}, properties...)
}

// traced is how many steps are shown with a difference: all since the last quiet
// point.
const traced = 2 * quietEvery

// step does one thing at random, of those that can be done as things are.
func (m *model) step(t *testing.T) {
	t.Helper()
	var name string
	for name == "" {
		s := steps[m.rand.IntN(len(steps))]
		if m.rand.IntN(mostFrequent) < s.frequency && (s.broken || !m.away()) && s.do(t, m) {
			name = s.name
		}
	}
	m.steps++
	m.counts[name]++
	m.trace = append(m.trace, name)
	m.trace = m.trace[max(0, len(m.trace)-traced):]
	m.checkSerial(t)
	harness.Elapse(t, time.Duration(m.rand.Int64N(int64(maxStepPause))))
}

// away says that etcd takes no requests.
func (m *model) away() bool { return m.killed || m.paused }

// quiet ends all faults and compares the mirror with etcd.
func (m *model) quiet(t *testing.T) {
	t.Helper()
	if m.killed {
		m.etcd.Restart(t)
	}
	if m.paused {
		m.etcd.Continue(t)
	}
	m.proxies[0].Heal()
	m.proxies[0].Accept(t)
	m.cut, m.refused, m.killed, m.paused = false, false, false, false
	m.waitLaunched(t)
	took, err := harness.Poll(equalBound, m.compare(t))
	m.quiets++
	m.longest = max(m.longest, took)
	m.trace = append(m.trace, fmt.Sprintf("quiet after %v", took.Round(time.Millisecond)))
	if err != nil {
		m.differences++
		t.Errorf("quiet point %d: not equal to etcd within %v: %v", m.quiets, equalBound, err)
		if m.differences == 1 {
			m.explain(t)
		}
	}
	m.checkSerial(t)
}

// explain shows how a difference came about.
func (m *model) explain(t *testing.T) {
	t.Helper()
	metrics := m.dns.Metrics(t)
	t.Logf("etcd's revision is %d, the mirror's %.0f; lists %v, failures %v; the last steps: %q", m.etcd.Revision(t),
		metrics.Sum("coredns_roster_revision"), metrics.By("coredns_roster_lists_total", "reason"),
		metrics.By("coredns_roster_mirror_failures_total", "reason"), m.trace)
	took, err := harness.Poll(harness.Patience, m.compare(t))
	t.Logf("equal %v later: %v", took.Round(time.Millisecond), err)
}

// compare is a condition: DNS shows all that etcd holds, and denies what it held
// at some time.
func (m *model) compare(t *testing.T) func() error {
	t.Helper()
	addr, addrs := m.dns.Addr(t), m.dns.Addrs(t)
	return func() error {
		instances := m.instances(t, func(harness.Instance) bool { return true })
		status, err := harness.MirrorStatus(t.Context(), addr, zone)
		if err != nil {
			return err
		}
		if got, want := status["instances"], strconv.Itoa(len(instances)); got != want {
			return fmt.Errorf("_status is %v, want %s instances", status, want)
		}
		if got, want := status["revision"], strconv.FormatInt(m.etcd.Revision(t), 10); got != want {
			return fmt.Errorf("_status is %v, want revision %s", status, want)
		}
		return harness.Matches(t.Context(), addrs, harness.Answers(zone, instances, m.past...))
	}
}

// waitLaunched waits until coredns answers, if it was started meanwhile.
func (m *model) waitLaunched(t *testing.T) {
	t.Helper()
	if m.launching {
		m.dns.WaitServing(t)
		m.launching = false
	}
}

// checkSerial checks that the zone's serial has not gone back. A server that was
// just started, or has had no list yet, shows none.
func (m *model) checkSerial(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	resp, err := harness.Ask(ctx, m.dns.Addr(t), harness.Question{Name: zone, Type: dns.TypeSOA})
	if err != nil || len(resp.Answer) != 1 {
		return
	}
	soa, ok := resp.Answer[0].(*dns.SOA)
	if !ok {
		t.Fatalf("asked for the SOA, answered %s", resp)
	}
	if m.last != 0 && !notBefore(soa.Serial, m.last) {
		m.differences++
		t.Errorf("the serial went back from %d to %d", m.last, soa.Serial)
		m.explain(t)
	}
	m.last = soa.Serial
}
