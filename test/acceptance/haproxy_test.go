//go:build acceptance

package acceptance_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

// haproxyGlobal is for the path of the stats socket.
const haproxyGlobal = `
global
	stats socket %s mode 600 level admin
defaults
	mode http
	timeout connect 1s
	timeout client 1s
	timeout server 1s
`

// haproxyResolvers are the same server, by UDP and by TCP: HAProxy doesn't ask again
// by TCP when an answer is truncated, and takes no answer by TCP that is larger than
// its payload size.
const haproxyResolvers = `
resolvers udp
	nameserver roster 127.0.0.1:53
	accepted_payload_size 1232
%[1]s
resolvers tcp
	nameserver roster tcp@127.0.0.1:53
	accepted_payload_size 65535
%[1]s
`

// haproxyTimes have it ask five times a second, and drop what is gone at once.
const haproxyTimes = `	timeout resolve 200ms
	timeout retry 1s
	hold valid 200ms
	hold nx 200ms
	hold obsolete 0s`

// backend is a backend in HAProxy's configuration, with servers for up to n
// instances.
func backend(name, srvName, resolvers string, n int) string {
	return fmt.Sprintf("backend %s\n\tserver-template web %d %s resolvers %s init-addr none\n", name, n, srvName, resolvers)
}

// haproxy is a running HAProxy.
type haproxy struct{ socket string }

// startHAProxy starts it with resolvers and backends, which are sections of its
// configuration.
func startHAProxy(t *testing.T, ns *namespace, resolvers string, backends ...string) haproxy {
	t.Helper()
	dir := t.TempDir()
	h := haproxy{filepath.Join(dir, "socket")}
	config := filepath.Join(dir, "haproxy.cfg")
	text := fmt.Sprintf(haproxyGlobal, h.socket) + resolvers + strings.Join(backends, "")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := ns.start(t, harness.Command{Name: "haproxy", Path: "haproxy", Args: []string{"-db", "-f", config}})
	harness.Eventually(t, harness.Patience, "haproxy's stats socket", func() error {
		select {
		case <-p.Done():
			t.Fatal("haproxy has ended")
		default:
		}
		_, err := h.command(t, "show info")
		return err
	})
	return h
}

// command writes a command to the stats socket and returns the answer.
func (h haproxy) command(t *testing.T, command string) (string, error) {
	t.Helper()
	conn, err := net.Dial("unix", h.socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", err
	}
	var out bytes.Buffer
	_, err = out.ReadFrom(conn)
	return out.String(), err
}

// servers are those of a backend that have an address: the target's name, the
// address, the port and the weight of each, or the address alone where the
// name has gone.
func (h haproxy) servers(t *testing.T, backend string) (servers []string, err error) {
	t.Helper()
	out, err := h.command(t, "show servers state "+backend)
	if err != nil {
		return nil, err
	}
	columns := map[string]int{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
		case fields[0] == "#":
			for i, column := range fields[1:] {
				columns[column] = i
			}
		case fields[columns["srv_addr"]] != "-":
			value := func(column string) string { return fields[columns[column]] }
			servers = append(servers, strings.Join([]string{value("srv_fqdn"), value("srv_addr"), value("srv_port"), value("srv_uweight")}, " "))
		}
	}
	return servers, nil
}

// await waits until a backend has these servers.
func (h haproxy) await(t *testing.T, backend string, want []string) {
	t.Helper()
	took := harness.Eventually(t, 10*time.Second, "the servers of backend "+backend, func() error {
		got, err := h.servers(t, backend)
		if err != nil {
			return err
		}
		return same(got, want)
	})
	t.Logf("backend %s has %d servers after %v: %q", backend, len(want), took.Round(time.Millisecond), want[:min(3, len(want))])
}

// counters are those of the nameserver of a resolvers section.
func (h haproxy) counters(t *testing.T, resolvers string) map[string]string {
	t.Helper()
	out, err := h.command(t, "show resolvers "+resolvers)
	if err != nil {
		t.Fatal(err)
	}
	counters := map[string]string{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			counters[name] = strings.TrimSpace(value)
		}
	}
	return counters
}

// haproxyServers are the servers that HAProxy makes of instances, in IPv4 alone.
// Its weights are 256ths of those in DNS, at least 1.
func haproxyServers(s *service) (servers []string) {
	for _, in := range s.Instances {
		servers = append(servers, fmt.Sprintf("%s.%s %s %d %d", in.ID, s.host(), in.Addresses[0], in.Ports[0].Port, (in.Weight+255)/256))
	}
	return servers
}

// TestHAProxy has HAProxy fill server-templates by SRV: addresses out of the
// additional section, ports, weights, and instances that go and come.
func TestHAProxy(t *testing.T) {
	t.Parallel()
	need(t, "haproxy")
	ns := newServer(t)
	s, empty := newService("orders"), newEmpty("empty")
	for i := range s.Instances {
		s.Instances[i].Addresses = s.Instances[i].Addresses[:1]
		s.Instances[i].Weight = []int{10, 2560, 25600}[i]
	}
	ns.store(t, s, empty)
	ns.awaitServed(t, s)
	before := ns.queries(t, "A") + ns.queries(t, "AAAA")
	h := startHAProxy(t, ns, fmt.Sprintf(haproxyResolvers, haproxyTimes),
		backend("weighted", s.srvName(), "udp", 5),
		backend("upper", strings.ToUpper(s.srvName()), "udp", 5),
		backend("tcp", s.srvName(), "tcp", 5),
		backend("empty", empty.srvName(), "udp", 5))
	await := func(want *service) {
		t.Helper()
		for _, name := range []string{"weighted", "upper", "tcp"} {
			h.await(t, name, haproxyServers(want))
		}
	}
	await(s)
	ns.unregister(t, s, "b")
	await(s.without("b"))
	ns.store(t, s)
	await(s)
	for _, in := range s.Instances {
		ns.unregister(t, s, in.ID)
	}
	await(&service{Name: s.Name})
	h.await(t, "empty", nil)
	if asked := ns.queries(t, "A") + ns.queries(t, "AAAA") - before; asked > 0 {
		t.Errorf("haproxy asked for addresses %d times, with all of them in the additional section", asked)
	}
	h.checkCounters(t, "udp", "tcp")
}

// TestHAProxyTruncated has HAProxy fill server-templates from more instances than a
// UDP answer holds: all of them by TCP, and by UDP those of the truncated answers,
// whose addresses it asks for one by one.
func TestHAProxyTruncated(t *testing.T) {
	t.Parallel()
	need(t, "haproxy")
	ns := newServer(t)
	wide := newWide("wide", 100)
	ns.store(t, wide)
	ns.awaitServed(t, wide)
	h := startHAProxy(t, ns, fmt.Sprintf(haproxyResolvers, haproxyTimes),
		backend("tcp", wide.srvName(), "tcp", len(wide.Instances)),
		backend("udp", wide.srvName(), "udp", len(wide.Instances)))
	h.await(t, "tcp", haproxyServers(wide))
	harness.Eventually(t, harness.Patience, "some servers by UDP", func() error {
		got, err := h.servers(t, "udp")
		if err != nil {
			return err
		}
		if wrong := except(got, haproxyServers(wide)); len(wrong) > 0 {
			return fmt.Errorf("servers that are no instances: %q", wrong)
		}
		t.Logf("backend udp has %d of %d servers", len(got), len(wide.Instances))
		return harness.True(len(got) > 0)
	})
	h.checkCounters(t, "udp", "tcp")
}

// TestHAProxyDocument has HAProxy fill a server-template as docs/dns.md shows, from
// more instances than a UDP answer holds.
func TestHAProxyDocument(t *testing.T) {
	t.Parallel()
	need(t, "haproxy")
	text, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "docs", "dns.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := slices.DeleteFunc(tour.Blocks(text), func(b tour.Block) bool { return b.Language != "haproxy" })
	if len(blocks) != 1 {
		t.Fatalf("%d configurations of HAProxy, want one", len(blocks))
	}
	ns := newServer(t)
	s := newWide("orders", 100)
	ns.store(t, s)
	ns.awaitServed(t, s)
	h := startHAProxy(t, ns, strings.ReplaceAll(blocks[0].Text, ":1053", ":53"))
	h.await(t, "orders", haproxyServers(s))
	h.checkCounters(t, "roster")
}

// checkCounters checks that every answer to resolvers was right for HAProxy.
func (h haproxy) checkCounters(t *testing.T, resolvers ...string) {
	t.Helper()
	for _, name := range resolvers {
		counters := h.counters(t, name)
		t.Logf("resolvers %s: %v", name, counters)
		for _, fault := range []string{"snd_error", "timeout", "refused", "other", "invalid", "too_big"} {
			if counters[fault] != "0" {
				t.Errorf("resolvers %s: %s answers of the fault %s", name, counters[fault], fault)
			}
		}
	}
}
