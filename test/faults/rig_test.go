package faults_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

// zone is the zone of all Corefiles here.
const zone = "svc.internal."

// The bounds of the contract.
const (
	// staleBound is how soon after the last contact staleness shows.
	staleBound = 10 * time.Second
	// liveBound is how soon after etcd's return the mirror is live.
	liveBound = 5 * time.Second
	// equalBound is how soon after contact the mirror equals etcd.
	equalBound = 10 * time.Second
	// visibleBound is how long after an election changes take to show.
	visibleBound = 2 * time.Second
)

// options says what a rig consists of. The zero value is one etcd without TLS
// and users.
type options struct {
	etcd harness.EtcdOptions
	// proxied puts a proxy between the DNS server and each member.
	proxied bool
	// proxiedClients makes registrars take the same way.
	proxiedClients bool
	// leaseTTL is that of the registered stable instances; 0 means 15 s.
	leaseTTL time.Duration
	// properties are further ones of the plugin, made for the etcd.
	properties func(*harness.Etcd) []string
	// clients and flags say how registrars log in, made for the etcd.
	clients func(*harness.Etcd) []registrar.Option
	flags   func(*harness.Etcd) []string
	// refused is RegistrationsOptions.Refused.
	refused bool
}

// rig is a registry with a DNS server and the streams of queries and
// registrations that a fault has to be survived under.
type rig struct {
	etcd          *harness.Etcd
	proxies       []*harness.Proxy
	dns           *harness.CoreDNS
	traffic       *harness.Traffic
	registrations *harness.Registrations
	stable        []harness.Instance
	// past are the keys that tests put at some time.
	past []string
}

// newRig starts all and returns once every answer is as it has to be.
func newRig(t *testing.T, o options) *rig {
	t.Helper()
	r := &rig{etcd: harness.StartEtcd(t, o.etcd)}
	endpoints := r.etcd.Endpoints
	if o.proxied {
		r.proxies = harness.StartProxies(t, r.etcd)
		endpoints = nil
		for _, p := range r.proxies {
			endpoints = append(endpoints, p.Endpoint())
		}
	}
	theirs := r.etcd.Endpoints
	if o.proxiedClients {
		theirs = endpoints
	}
	flags := []string{"--endpoints", strings.Join(theirs, ",")}
	if o.flags != nil {
		flags = append(flags, o.flags(r.etcd)...)
	}
	clients := []registrar.Option{registrar.WithEndpoints(theirs...)}
	if o.clients != nil {
		clients = append(clients, o.clients(r.etcd)...)
	}
	var properties []string
	if o.properties != nil {
		properties = o.properties(r.etcd)
	}
	r.registerStable(t, cmp.Or(o.leaseTTL, 15*time.Second), flags)
	r.dns = harness.StartCoreDNS(t, corefile(endpoints, properties...))
	expected := harness.Answers(zone, r.stable, "/roster/stable/nobody/a", "/roster/nowhere/nobody/a")
	r.eventuallyMatches(t, harness.Patience, "the stable services in DNS", expected)
	r.registrations = harness.StartRegistrations(t, harness.RegistrationsOptions{Options: clients, Flags: flags, Refused: o.refused, Etcd: r.etcd})
	r.traffic = harness.StartTraffic(t, r.dns.Addrs(t), expected)
	return r
}

// registerStable registers what doesn't change while a fault lasts: static
// instances, and instances that registrars hold under leases.
func (r *rig) registerStable(t *testing.T, leaseTTL time.Duration, flags []string) {
	t.Helper()
	http := []harness.InstancePort{{Name: "http", Port: 8080}}
	for i := range 3 {
		in := harness.Instance{
			Namespace: "stable", Service: "orders", ID: fmt.Sprintf("static-%d", i), Static: true,
			Addresses: []string{fmt.Sprintf("10.1.0.%d", i+1), fmt.Sprintf("2001:db8::%d", i+1)},
			Ports:     append(http, harness.InstancePort{Name: "dns", Port: 53, Protocol: "udp"}),
			Weight:    10 * (i + 1), Metadata: map[string]string{"version": "1.2.3", "zone": "a"},
		}
		r.put(t, in)
		r.stable = append(r.stable, in)
	}
	for i := range 2 {
		in := harness.Instance{
			Namespace: "stable", Service: "billing", ID: fmt.Sprintf("leased-%d", i),
			Addresses: []string{fmt.Sprintf("10.2.0.%d", i+1)}, Ports: http,
		}
		r.stable = append(r.stable, in)
		p := harness.Registrar(t, append([]string{
			"register", in.Service, "-n", in.Namespace, "--id", in.ID, "--address", in.Addresses[0],
			"--port", "http:8080", "--lease", leaseTTL.String(),
		}, flags...)...)
		p.WaitOutput(t, harness.Patience, "registered ", 1)
	}
}

// put writes a static instance and returns etcd's revision.
func (r *rig) put(t *testing.T, in harness.Instance) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	revision, err := in.Put(ctx, r.etcd.Client(), 0)
	if err != nil {
		t.Fatal(err)
	}
	r.remember(in.Key())
	return revision
}

func (r *rig) remember(key string) {
	if !slices.Contains(r.past, key) {
		r.past = append(r.past, key)
	}
}

// remove deletes an instance.
func (r *rig) remove(t *testing.T, in harness.Instance) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := r.etcd.Client().Delete(ctx, in.Key()); err != nil {
		t.Fatal(err)
	}
}

// changing is a static instance of a service that tests change.
func changing(id string, port int) harness.Instance {
	return harness.Instance{
		Namespace: "changing", Service: "things", ID: id, Static: true,
		Addresses: []string{"10.3.0.1"}, Ports: []harness.InstancePort{{Name: "http", Port: port}},
	}
}

func (r *rig) eventuallyMatches(t *testing.T, bound time.Duration, what string, expected []harness.Expectation) time.Duration {
	t.Helper()
	addrs := r.dns.Addrs(t)
	return harness.Eventually(t, bound, what, func() error { return harness.Matches(t.Context(), addrs, expected) })
}

func (r *rig) instances(t *testing.T, keep func(harness.Instance) bool) []harness.Instance {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	instances, err := harness.ReadInstances(ctx, r.etcd.Client())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(instances, func(in harness.Instance) bool { return !keep(in) })
}

// waitState waits until the DNS server says that its mirror is in a state.
func (r *rig) waitState(t *testing.T, bound time.Duration, state string) time.Duration {
	t.Helper()
	return harness.Eventually(t, bound, "the mirror being "+state, harness.MirrorState(t, r.dns.Addr(t), zone, state))
}

// finish ends the streams and checks what they saw, and that DNS shows what etcd
// holds.
func (r *rig) finish(t *testing.T) {
	t.Helper()
	r.stopStreams(t)
	r.equal(t, equalBound, func(harness.Instance) bool { return true })
	harness.Eventually(t, equalBound, "DNS serving as many as etcd holds", r.counts(t))
	if r.dns.Metrics(t).Sum("coredns_roster_fastpath_packets_total", "result", "answered") == 0 {
		t.Error("fastpath has answered nothing")
	}
}

// minTraffic is how long the streams go on at least, so that their rates mean
// something.
const minTraffic = 3 * time.Second

// stopTraffic ends the stream of queries and checks what it saw.
func (r *rig) stopTraffic(t *testing.T) {
	t.Helper()
	harness.Elapse(t, minTraffic-r.traffic.Elapsed())
	r.traffic.Stop().Check(t)
}

// stopStreams ends the streams and checks what they saw.
func (r *rig) stopStreams(t *testing.T) {
	t.Helper()
	r.stopTraffic(t)
	r.registrations.Stop(t).Check(t)
}

// equal waits until DNS shows what etcd holds of some instances.
func (r *rig) equal(t *testing.T, bound time.Duration, keep func(harness.Instance) bool) time.Duration {
	t.Helper()
	return harness.Eventually(t, bound, "DNS showing what etcd holds", r.shows(t, keep))
}

// shows is a condition: DNS shows what etcd holds of some instances, and nothing
// of what it held in the past.
func (r *rig) shows(t *testing.T, keep func(harness.Instance) bool) func() error {
	t.Helper()
	addrs := r.dns.Addrs(t)
	return func() error {
		return harness.Matches(t.Context(), addrs, harness.Answers(zone, r.instances(t, keep), r.past...))
	}
}

// counts is a condition: DNS serves as many instances as etcd holds.
func (r *rig) counts(t *testing.T) func() error {
	t.Helper()
	addr := r.dns.Addr(t)
	return func() error {
		want := strconv.Itoa(len(r.instances(t, func(harness.Instance) bool { return true })))
		status, err := harness.MirrorStatus(t.Context(), addr, zone)
		if err == nil && status["instances"] != want {
			err = fmt.Errorf("_status is %v, want %s instances", status, want)
		}
		return err
	}
}

// settled are instances that the stream of registrations doesn't change.
func settled(in harness.Instance) bool { return in.Namespace != harness.ChurnNamespace }

// mirrorStates are the values of the metric coredns_roster_mirror_state.
var mirrorStates = map[string]float64{"live": 1, "stale": 2}

// checkState checks that the metrics show a state, and that the server is
// ready, as it is in every one of these.
func (r *rig) checkState(t *testing.T, state string) {
	t.Helper()
	if got := r.dns.Metrics(t).Sum("coredns_roster_mirror_state"); got != mirrorStates[state] {
		t.Errorf("coredns_roster_mirror_state is %v while the mirror is %s, want %v", got, state, mirrorStates[state])
	}
	if !r.dns.Ready(t) {
		t.Errorf("not ready while the mirror is %s", state)
	}
}

const block = `svc.internal:{{port "PORT"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}}
	prometheus 127.0.0.1:{{port "metrics"}}
	roster {
		PROPERTIES
	}
}
`

// corefile answers from an etcd, with further properties of roster: at one port without
// fastpath, and at another one with it, from the same replica.
func corefile(endpoints []string, properties ...string) string {
	lines := append([]string{"endpoint " + strings.Join(endpoints, " ")}, properties...)
	text := strings.ReplaceAll(block, "PROPERTIES", strings.Join(lines, "\n\t\t"))
	return strings.ReplaceAll(text, "PORT", "dns") + strings.NewReplacer("PORT", "fastpath", "\troster {", "\troster {\n\t\tfastpath").Replace(text)
}
