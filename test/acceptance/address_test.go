//go:build acceptance

package acceptance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// hostAddress is where a namespace with an uplink finds the test's etcd, and
	// uplinkAddress what it has itself.
	hostAddress   = "10.78.0.1"
	uplinkAddress = "10.78.0.2"
)

// uplinked is a namespace with a network in which its addresses change, and another one
// by which it reaches this machine.
func uplinked(t *testing.T) *namespace {
	t.Helper()
	ns := newNamespace(t)
	host := fmt.Sprintf("r%d", harness.FreePort(t))
	ip(t, "link", "add", host, "type", "veth", "peer", "name", "uplink", "netns", ns.name)
	t.Cleanup(func() { _ = exec.Command("ip", "link", "delete", host).Run() }) // it can be gone with the namespace
	ip(t, "address", "add", hostAddress+"/24", "dev", host)
	ip(t, "link", "set", host, "up")
	ns.ip(t, "address add "+uplinkAddress+"/24 dev uplink")
	ns.ip(t, "link set uplink up")
	return ns
}

// ip changes the namespace's network.
func (ns *namespace) ip(t *testing.T, command string) {
	t.Helper()
	ip(t, append([]string{"-n", ns.name}, strings.Fields(command)...)...)
}

// addInterface adds the interface d0, which has no address yet.
func (ns *namespace) addInterface(t *testing.T) {
	t.Helper()
	ns.ip(t, "link add d0 type veth peer name d1")
	ns.ip(t, "link set d1 up")
	ns.ip(t, "link set d0 up")
}

// publicEtcd is an etcd that serves at hostAddress, too.
func publicEtcd(t *testing.T) (e *harness.Etcd, endpoint string) {
	t.Helper()
	endpoint = fmt.Sprintf("http://%s:%d", hostAddress, harness.FreePort(t))
	return harness.StartEtcd(t, harness.EtcdOptions{Listen: []string{endpoint}}), endpoint
}

// addresses returns those of each instance of orders in etcd, by ID.
func addresses(t *testing.T, e *harness.Etcd) map[string][]string {
	t.Helper()
	const prefix = "/roster/default/orders/"
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	found := map[string][]string{}
	resp, err := e.Client().Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		var in harness.Instance
		if err := json.Unmarshal(kv.Value, &in); err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(string(kv.Key), prefix)] = in.Addresses
	}
	return found
}

// registered waits until there is this instance alone, with these addresses; none if the
// ID is empty.
func registered(t *testing.T, e *harness.Etcd, id string, want ...string) {
	t.Helper()
	harness.Eventually(t, followBound, fmt.Sprintf("%q with %v", id, want), func() error {
		found := addresses(t, e)
		if id == "" && len(found) == 0 || len(found) == 1 && slices.Equal(found[id], want) {
			return nil
		}
		return fmt.Errorf("there are %v", found)
	})
}

// followBound is how long it may take until a change of addresses is in etcd: half a
// second for others to follow, and the write.
const followBound = 3 * time.Second

// TestAddressOfInterface is faults 23 and 24: registrar waits until there is an interface
// with an address, and follows what becomes of it, as with DHCP.
func TestAddressOfInterface(t *testing.T) {
	ns := uplinked(t)
	e, endpoint := publicEtcd(t)
	p := ns.start(t, harness.Command{Name: "registrar", Path: harness.Binary(t, "registrar"), Args: []string{
		"register", "orders", "--address", "iface:d0", "--port", "http:8080", "--endpoints", endpoint,
	}})
	p.WaitOutput(t, harness.Patience, `waiting for an address to register: --address "iface:d0": network interface "d0": not found`, 1)
	ns.addInterface(t)
	ns.ip(t, "address add 10.79.0.7/24 dev d0")
	registered(t, e, "10-79-0-7-8080", "10.79.0.7")

	ns.ip(t, "address delete 10.79.0.7/24 dev d0")
	ns.ip(t, "address add 10.79.0.8/24 dev d0")
	registered(t, e, "10-79-0-8-8080", "10.79.0.8")
	p.WaitOutput(t, harness.Patience, "the address of this machine changed from 10.79.0.7 to 10.79.0.8", 1)

	ns.ip(t, "address add fd00:79::8/64 dev d0 nodad")
	registered(t, e, "10-79-0-8-8080", "10.79.0.8", "fd00:79::8")

	ns.ip(t, "address flush dev d0")
	registered(t, e, "")
	p.WaitOutput(t, harness.Patience, "this machine has no address to register any more", 1)
	ns.ip(t, "link delete d0")
	ns.addInterface(t)
	ns.ip(t, "address add 10.79.0.9/24 dev d0")
	registered(t, e, "10-79-0-9-8080", "10.79.0.9")
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	registered(t, e, "")
}

// TestAddressOfRoute is faults 23 and 24 without --address: registrar waits for a route to
// the endpoint, and the source address towards it follows the route.
func TestAddressOfRoute(t *testing.T) {
	ns := uplinked(t)
	e, endpoint := publicEtcd(t)
	ns.ip(t, "address flush dev uplink")
	p := ns.start(t, harness.Command{Name: "registrar", Path: harness.Binary(t, "registrar"), Args: []string{
		"register", "orders", "--id", "a", "--port", "http:8080", "--endpoints", endpoint,
	}})
	p.WaitOutput(t, harness.Patience, "waiting for an address to register: cannot determine this machine's address", 1)
	ns.ip(t, "address add 10.78.0.3/24 dev uplink")
	registered(t, e, "a", "10.78.0.3")

	ns.ip(t, "address add 10.78.0.4/24 dev uplink")
	ns.ip(t, "route change 10.78.0.0/24 dev uplink src 10.78.0.4")
	registered(t, e, "a", "10.78.0.4")
	p.WaitOutput(t, harness.Patience, "the address of this machine changed from 10.78.0.3 to 10.78.0.4", 1)
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	registered(t, e, "")
}
