//go:build acceptance

package acceptance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// need ends the test unless it runs as root and all programs are there.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Errorf("the program %s is missing: run make deps", p)
		}
	}
	if os.Geteuid() != 0 {
		t.Error("this test needs root")
	}
	if t.Failed() {
		t.FailNow()
	}
}

// namespace is a network namespace with a network of its own and an own
// resolv.conf.
type namespace struct {
	name   string
	server *harness.CoreDNS // nil until newServer has started one
}

// newNamespace makes a namespace in which the nameserver is 127.0.0.1 and names
// are searched in the zone of the default namespace of services. Its second
// interface makes resolvers ask for addresses of both families.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	need(t, "ip")
	ns := &namespace{name: fmt.Sprintf("roster-%d-%d", os.Getpid(), harness.FreePort(t))}
	if err := os.MkdirAll(ns.etc(), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(ns.etc()) })
	ns.configure(t, "resolv.conf", "nameserver 127.0.0.1\nsearch default.svc.internal\n")
	ns.configure(t, "nsswitch.conf", "hosts: files dns\n")
	ns.configure(t, "hosts", "127.0.0.1 localhost\n")
	ip(t, "netns", "add", ns.name)
	t.Cleanup(func() { ip(t, "netns", "delete", ns.name) })
	for _, command := range []string{
		"link set lo up",
		"link add inside type veth peer name outside",
		"address add 10.77.0.1/24 dev inside",
		"address add fd00:77::1/64 dev inside nodad",
		"link set inside up",
		"link set outside up",
	} {
		ip(t, append([]string{"-n", ns.name}, strings.Fields(command)...)...)
	}
	return ns
}

// etc is the folder of what is /etc in the namespace.
func (ns *namespace) etc() string { return filepath.Join("/etc/netns", ns.name) }

// configure writes a file of /etc for what is started in the namespace from now on.
func (ns *namespace) configure(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(ns.etc(), file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// wrap runs the command after it in the namespace, as the same process.
func (ns *namespace) wrap() []string { return []string{"ip", "netns", "exec", ns.name} }

// start starts a command in the namespace.
func (ns *namespace) start(t *testing.T, c harness.Command) *harness.Process {
	t.Helper()
	c.Wrap = ns.wrap()
	return harness.Start(t, c)
}

// run runs a program in the namespace, logs what it prints, and returns that. It
// has to succeed.
func (ns *namespace) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	name := program + " " + strings.Join(args, " ")
	p := ns.start(t, harness.Command{Name: name, Path: program, Args: args})
	if code := p.Wait(t, harness.Patience); code != 0 {
		t.Fatalf("%s: exit code %d", name, code)
	}
	t.Logf("$ %s\n%s", name, p.Output())
	return p.Stdout()
}
