//go:build acceptance

package acceptance_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

const (
	// lossPercent is how many packets are lost, of those in each direction.
	lossPercent = 30
	// convergedUnderLoss bounds how long a change takes to show meanwhile. TCP
	// sends a lost packet again after 0.2 s, 0.4 s, 0.8 s and so on: of a hundred
	// changes one can take half a minute.
	convergedUnderLoss = time.Minute
)

const lossCorefile = `svc.internal:{{port "dns"}} {
	bind %s
	errors
	roster {
		endpoint %s
	}
}
`

// link is a pair of interfaces between a namespace and the system.
type link struct{ inside, outside string } // addresses

// connect joins the namespace to the system by a link, whose interface in the
// namespace has the name.
func (ns *namespace) connect(t *testing.T, name string, n int) link {
	t.Helper()
	// Others on this machine can be running this test too.
	subnet := fmt.Sprintf("10.78.%d.", os.Getpid()%256)
	l := link{inside: subnet + fmt.Sprint(4*n+2), outside: subnet + fmt.Sprint(4*n+1)}
	outside := fmt.Sprintf("rst%d-%d", os.Getpid(), n)
	for _, command := range []string{
		"link add " + outside + " type veth peer name " + name + " netns " + ns.name,
		"address add " + l.outside + "/30 dev " + outside,
		"link set " + outside + " up",
		"-n " + ns.name + " address add " + l.inside + "/30 dev " + name,
		"-n " + ns.name + " link set " + name + " up",
	} {
		ip(t, strings.Fields(command)...)
	}
	t.Cleanup(func() { ip(t, "link", "delete", outside) })
	return l
}

// lose makes the namespace lose packets of an interface, until heal is called.
func (ns *namespace) lose(t *testing.T, name string, percent int) (heal func()) {
	t.Helper()
	nft := func(args ...string) {
		t.Helper()
		argv := slices.Concat(ns.wrap(), []string{"nft"}, args)
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
		}
	}
	nft("add", "table", "inet", "loss")
	for hook, match := range map[string]string{"input": "iifname", "output": "oifname"} {
		nft("add", "chain", "inet", "loss", hook, "{ type filter hook "+hook+" priority 0; }")
		nft("add", "rule", "inet", "loss", hook, match, name, "numgen", "random", "mod", "100", "<", fmt.Sprint(percent), "drop")
	}
	return func() { t.Helper(); nft("delete", "table", "inet", "loss") }
}

// TestPacketLoss loses packets between etcd and those in a namespace: the DNS
// server, which is asked over another link, and registrars.
func TestPacketLoss(t *testing.T) {
	need(t, "nft")
	ns := newNamespace(t)
	lossy, clean := ns.connect(t, "lossy", 0), ns.connect(t, "clean", 1)
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	proxy := harness.StartProxyAt(t, e.Endpoints[0], fmt.Sprintf("%s:%d", lossy.outside, harness.FreePort(t)))

	instances := []harness.Instance{lossInstance("stable", 8080), lossInstance("changing", 1024)}
	put := func(in harness.Instance) {
		t.Helper()
		if _, err := in.Put(t.Context(), e.Client(), 0); err != nil {
			t.Fatal(err)
		}
	}
	put(instances[0])
	c := harness.NewCoreDNS(t, ns.wrap()...)
	c.Launch(t, fmt.Sprintf(lossCorefile, clean.inside, proxy.Endpoint()))
	c.WaitServing(t)
	addr := fmt.Sprintf("%s:%d", clean.inside, c.Port(t, "dns"))
	shown := func(bound time.Duration, in harness.Instance) time.Duration {
		t.Helper()
		expected := harness.Answers("svc.internal.", []harness.Instance{in})
		return harness.Eventually(t, bound, "a change in DNS", func() error { return harness.Matches(t.Context(), []string{addr}, expected) })
	}
	shown(harness.Patience, instances[0])
	registrations := harness.StartRegistrations(t, harness.RegistrationsOptions{
		Options: []registrar.Option{registrar.WithEndpoints(e.Endpoints...)},
		Flags:   []string{"--endpoints", proxy.Endpoint()},
		Wrap:    ns.wrap(),
		Etcd:    e,
	})
	traffic := harness.StartTraffic(t, []string{addr}, harness.Answers("svc.internal.", instances[:1], "/roster/nowhere/nobody/a"))

	heal := ns.lose(t, "lossy", lossPercent)
	end := time.Now().Add(harness.FaultTime(t, 20*time.Second))
	var took []time.Duration
	for time.Now().Before(end) {
		instances[1].Ports[0].Port++
		put(instances[1])
		took = append(took, shown(convergedUnderLoss, instances[1]))
		if len(took)%50 == 5 {
			proxy.Reset() // so that the mirror connects anew meanwhile
		}
		harness.Elapse(t, 100*time.Millisecond)
	}
	heal()
	slices.Sort(took)
	t.Logf("%d changes shown under %d %% loss in each direction: p50 %v, at most %v", len(took), lossPercent, took[len(took)/2], took[len(took)-1])
	instances[1].Ports[0].Port++
	put(instances[1])
	t.Logf("after its end: shown in %v", shown(10*time.Second, instances[1]))
	traffic.Stop().Check(t)
	registrations.Stop(t).Check(t)
}

// lossInstance is a static instance of a service of its own.
func lossInstance(service string, port int) harness.Instance {
	return harness.Instance{
		Namespace: "default", Service: service, ID: "a", Static: true,
		Addresses: []string{"10.9.0.1"}, Ports: []harness.InstancePort{{Name: "http", Port: port}},
	}
}
