//go:build acceptance

package acceptance_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

// newServer starts the repository's own Corefile in a namespace, on port 53 as
// docs/deployment.md says, with a resolver behind it.
func newServer(t *testing.T) *namespace {
	t.Helper()
	need(t, "dig", "getent")
	ns := newNamespace(t)
	up := harness.Program(t, "upstream")
	ns.start(t, up).WaitOutput(t, harness.Patience, "serving", 1)

	text, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "Corefile"))
	if err != nil {
		t.Fatal(err)
	}
	corefile := strings.NewReplacer(":1053", ":53", "forward . /etc/resolv.conf", "forward . "+upstreamAddress).Replace(string(text))
	ns.server = harness.NewCoreDNS(t, ns.wrap()...)
	ns.server.Launch(t, corefile)
	ns.server.WaitServing(t)
	return ns
}

// register keeps an instance of orders registered from within the namespace.
func (ns *namespace) register(t *testing.T, id, address string) *harness.Process {
	t.Helper()
	p := harness.RegistrarCommand(t, harness.Command{
		Args: []string{"register", "orders", "--id", id, "--address", address, "--port", "http:8080", "--lease", "3s"},
		Wrap: ns.wrap(),
	})
	p.WaitOutput(t, harness.Patience, "registered default/orders/"+id, 1)
	harness.Eventually(t, time.Second, id+" in DNS", func() error {
		out, err := ns.dig(t, id+".orders.default.svc.internal", "A")
		return errors.Join(err, harness.True(out == address+"\n"))
	})
	return p
}

// dig runs dig +short in the namespace.
func (ns *namespace) dig(t testing.TB, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"@127.0.0.1", "+short", "+tries=1", "+time=1"}, args...)
	p := harness.Start(t, harness.Command{Name: "dig", Path: "dig", Args: args, Wrap: ns.wrap()})
	if code := p.Wait(t, harness.Patience); code != 0 {
		return "", fmt.Errorf("dig: exit code %d", code)
	}
	return p.Stdout(), nil
}

// TestResolvers asks by the resolvers of glibc and of Go, which know the server
// from resolv.conf alone.
func TestResolvers(t *testing.T) {
	t.Parallel()
	ns := newServer(t)
	ns.register(t, "a", "10.1.2.3")
	ns.register(t, "b", "10.1.2.4")

	for _, name := range []string{"orders", "orders.default.svc.internal"} {
		wantWords(t, ns.run(t, "getent", "ahosts", name), "10.1.2.3", "10.1.2.4")
	}
	wantWords(t, ns.run(t, "getent", "ahosts", "external.example"), externalAddress)

	want := strings.Join([]string{
		"SRV orders.default.svc.internal [a.orders.default.svc.internal.:8080 b.orders.default.svc.internal.:8080]",
		"SRV orders [a.orders.default.svc.internal.:8080 b.orders.default.svc.internal.:8080]",
		"host orders [10.1.2.3 10.1.2.4]",
		"host orders.default.svc.internal [10.1.2.3 10.1.2.4]",
		"host a.orders [10.1.2.3]",
		"host " + externalName + " [" + externalAddress + "]",
	}, "\n") + "\n"
	for resolver, says := range map[string]string{
		"go":  "go package net: GODEBUG setting forcing use of the Go resolver",
		"cgo": "go package net: GODEBUG setting forcing use of the cgo resolver",
	} {
		c := harness.Program(t, "lookup")
		c.Name = "lookup by " + resolver
		c.Env = append(c.Env, "GODEBUG=netdns="+resolver+"+1")
		p := ns.start(t, c)
		if code := p.Wait(t, harness.Patience); code != 0 {
			t.Errorf("%s: exit code %d", p, code)
		}
		if !strings.Contains(p.Output(), says) {
			t.Errorf("%s doesn't say %q: it used another resolver", p, says)
		}
		if p.Stdout() != want {
			t.Errorf("%s printed:\n%s\nwant:\n%s", p, p.Stdout(), want)
		}
		t.Logf("%s:\n%s", p, p.Stdout())
	}
}

// wantWords checks that the first words of the lines are these, each in one line
// at least, and no others.
func wantWords(t *testing.T, out string, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(out) {
		got = append(got, strings.Fields(line)[0])
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDig shows instances and their end as a person sees it.
func TestDig(t *testing.T) {
	t.Parallel()
	ns := newServer(t)
	a, b := ns.register(t, "a", "127.0.0.1"), ns.register(t, "b", "127.0.0.1")
	const name = "_http._tcp.orders.default.svc.internal"
	srv := func(flags ...string) string {
		t.Helper()
		return ns.run(t, "dig", append([]string{"@127.0.0.1", name, "SRV"}, flags...)...)
	}
	for _, flag := range []string{"+notcp", "+tcp", "+noedns", "+bufsize=512"} {
		out := srv(flag)
		for _, pattern := range []string{
			`status: NOERROR`, `flags: qr aa rd`, `ANSWER: 2,`,
			`(?m)^_http\._tcp\.orders\.default\.svc\.internal\.\s5\sIN\sSRV\s0 100 8080 a\.orders\.default\.svc\.internal\.$`,
			`(?m)^_http\._tcp\.orders\.default\.svc\.internal\.\s5\sIN\sSRV\s0 100 8080 b\.orders\.default\.svc\.internal\.$`,
			`(?m)^a\.orders\.default\.svc\.internal\.\s5\sIN\sA\s127\.0\.0\.1$`,
			`(?m)^b\.orders\.default\.svc\.internal\.\s5\sIN\sA\s127\.0\.0\.1$`,
		} {
			if !regexp.MustCompile(pattern).MatchString(out) {
				t.Errorf("dig %s doesn't show %s", flag, pattern)
			}
		}
		// An authoritative server that offers no recursion, to a dig that wants it.
		if out = strings.Replace(out, ";; WARNING: recursion requested but not available", "", 1); strings.Contains(out, "WARNING") {
			t.Errorf("dig %s warns", flag)
		}
	}
	wantWords(t, ns.run(t, "dig", "+search", "+short", "orders"), "127.0.0.1")

	ns.digEnd(t, name, a, b)
}

// protectHold is how much longer than without it an instance that has expired is
// served with the Corefile's protect: whether it is one of many shows by then.
const protectHold = 5 * time.Second

// digEnd ends the registrars of an SRV record set one by one, in every way.
func (ns *namespace) digEnd(t *testing.T, name string, a, b *harness.Process) {
	t.Helper()
	gone := func(id string) func() error {
		return func() error {
			out, err := ns.dig(t, name, "SRV")
			return errors.Join(err, harness.True(!strings.Contains(out, " "+id+".orders")))
		}
	}
	denied := func() error {
		out, err := ns.dig(t, name, "SRV", "+noshort", "+all")
		return errors.Join(err, harness.True(strings.Contains(out, "status: NXDOMAIN") && strings.Contains(out, "\tSOA\t")))
	}
	start := time.Now()
	a.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, time.Second, "a gone", gone("a"))
	t.Logf("TERM: gone %v after the signal", time.Since(start))
	if code := a.Wait(t, harness.Patience); code != 0 {
		t.Errorf("exit code %d after TERM", code)
	}
	c := ns.register(t, "c", "127.0.0.1")
	start = time.Now()
	b.Kill()
	harness.Eventually(t, 6*time.Second+protectHold, "b gone", gone("b"))
	t.Logf("kill -9: gone %v after it, with a lease of 3 s and protect", time.Since(start))

	c.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, time.Second, "NXDOMAIN with the SOA, since the last one is unregistered", denied)

	// The last one that crashes stays for keep_last, or until it is back.
	ns.register(t, "d", "127.0.0.1").Kill()
	ns.server.WaitOutput(t, 6*time.Second+protectHold, "the last instances of a service expired: serving them for a while", 1)
	if out := ns.run(t, "dig", "@127.0.0.1", name, "SRV"); !strings.Contains(out, " d.orders") {
		t.Error("the last one is gone without having been unregistered")
	}
	d := ns.register(t, "d", "127.0.0.2")
	wantWords(t, ns.run(t, "dig", "@127.0.0.1", "+short", "orders.default.svc.internal", "A"), "127.0.0.2")
	d.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, time.Second, "NXDOMAIN with the SOA, since none is left", denied)
}

// TestTour takes the README's tour to the letter: its ports, and the real dig.
func TestTour(t *testing.T) {
	t.Parallel()
	need(t, "dig")
	ns := newNamespace(t)
	run := strings.NewReplacer("make run", tour.RunCommand(t))
	tour.Run(t, tour.README(t), tour.Options{
		Dir:     tour.Workspace(t, strings.NewReplacer()),
		Replace: run,
		Env:     append(tour.WorkspaceEnv(), "GOPROXY=off"),
		Wrap:    ns.wrap(),
		Dig: func(t testing.TB, name, qtype string) (string, error) {
			t.Helper()
			return ns.dig(t, "-p", "1053", name, qtype)
		},
	})
}
