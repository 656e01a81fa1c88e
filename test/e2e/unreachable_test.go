package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// TestServerBeforeEtcd starts coredns first and etcd later: a warning, SERVFAIL
// for all that it can't know, and recovery by itself.
func TestServerBeforeEtcd(t *testing.T) {
	t.Parallel()
	e := harness.NewEtcd(t, harness.EtcdOptions{})
	c := harness.NewCoreDNS(t)
	c.Launch(t, corefile(e, "startup_timeout 200ms"))
	c.WaitServing(t)
	s := &system{dns: c, flags: []string{"--endpoints", e.Endpoints[0]}}

	for _, name := range []string{"orders.default." + zone, "nothing." + zone, zone} {
		if m := c.Ask(t, name, dns.TypeA); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%s before the first list: %s, want SERVFAIL", name, dns.RcodeToString[m.Rcode])
		}
	}
	status, err := harness.MirrorStatus(t.Context(), c.Addr(t), zone)
	if err != nil || len(status) != 5 || status["state"] != "unsynced" {
		t.Errorf("_status: %v, %v", status, err)
	}
	if c.Ready(t) {
		t.Error("ready without a list")
	}
	if warnings := harness.Lines(c.Output(), "[WARNING]"); len(warnings) == 0 || len(warnings) > 2 ||
		!strings.Contains(strings.Join(warnings, ""), e.Endpoints[0]) {
		t.Errorf("want one or two warnings that name the endpoint:\n%s", c.Output())
	}

	e.Start(t)
	c.WaitReady(t)
	// That it is over is told as well as that it began.
	harness.Eventually(t, harness.Patience, "a line that says so", func() error {
		_, after, _ := strings.Cut(c.Output(), "[WARNING] plugin/roster")
		return harness.True(strings.Contains(after, "[INFO] plugin/roster"))
	})
	if m := c.Ask(t, "orders.default."+zone, dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("after the first list: %s, want NXDOMAIN", dns.RcodeToString[m.Rcode])
	}
	s.register(t, "orders", "a", "127.0.0.1")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	s.agree(t, "orders", "a")
}

// TestRegistrarBeforeEtcd starts registrar first: a warning, and the instance is
// there once etcd is. Commands that return say that etcd is away.
func TestRegistrarBeforeEtcd(t *testing.T) {
	t.Parallel()
	e := harness.NewEtcd(t, harness.EtcdOptions{})
	flags := []string{"--endpoints", e.Endpoints[0]}
	register := harness.Registrar(t, append([]string{"register", "orders", "--id", "a", "--address", "127.0.0.1", "--port", "http:8080"}, flags...)...)

	static := []string{"register", "orders", "--static", "--id", "b", "--address", "127.0.0.2", "--port", "http:8080", "--timeout", "1s"}
	for _, args := range [][]string{{"get", "orders", "--timeout", "1s"}, {"list", "--timeout", "1s"}, {"unregister", "orders", "a", "--timeout", "1s"}, static} {
		p := harness.Registrar(t, append(args, flags...)...)
		if code := p.Wait(t, harness.Patience); code != 4 {
			t.Errorf("%s: exit code %d, want 4", p, code)
		}
		if lines := strings.Split(strings.TrimSpace(p.Output()), "\n"); len(lines) != 1 || !strings.Contains(lines[0], "etcd") {
			t.Errorf("%s: want one line that names etcd, wrote:\n%s", p, p.Output())
		}
	}

	register.WaitOutput(t, harness.Patience, "etcd", 1)
	if strings.Contains(register.Output(), "registered default/orders/a") {
		t.Errorf("says that it is registered:\n%s", register.Output())
	}
	e.Start(t)
	register.WaitOutput(t, harness.Patience, "registered default/orders/a", 1)
	resp, err := e.Client().Get(t.Context(), "/roster/default/orders/a")
	if err != nil || len(resp.Kvs) != 1 || resp.Kvs[0].Lease == 0 {
		t.Errorf("in etcd: %v, %v", resp, err)
	}
	if code := register.Stop(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestBrokenInstances shows that values and keys that break the rules are named
// once, quoted, and hurt nobody else.
func TestBrokenInstances(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "", "--endpoints", e.Endpoints[0])
	s.register(t, "orders", "good", "127.0.0.1")
	s.register(t, "orders", "overridden", "127.0.0.9")
	put := func(key, value string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
		defer cancel()
		if _, err := e.Client().Put(ctx, key, value); err != nil {
			t.Fatal(err)
		}
	}
	const hostile = "\x1b[2J\nINFO all is well"
	for key, value := range map[string]string{
		"/roster/default/orders/no-json":            "hello",
		"/roster/default/orders/no-address":         `{"ports":[{"port":80}],"static":true}`,
		"/roster/default/orders/bad-port":           `{"addresses":["10.0.0.1"],"ports":[{"port":70000}],"static":true}`,
		"/roster/default/orders/no-lease":           `{"addresses":["10.0.0.1"]}`,
		"/roster/default/orders/" + hostile:         `{"addresses":["10.0.0.1"],"static":true}`,
		"/roster/default/orders/hostile-value":      `{"addresses":["` + hostile + `"],"static":true}`,
		"/roster/default/orders/big":                `{"addresses":["10.0.0.1"],"static":true,"x":"` + strings.Repeat("x", 64<<10) + `"}`,
		"/roster/default/orders/_status/overridden": `{"status":"perfect"`,
		"/roster/default/orders/_policy":            "[",
		"/roster/Default/orders/a":                  `{"addresses":["10.0.0.1"],"static":true}`,
		"/roster/default/orders/deep/er/down":       `{"addresses":["10.0.0.1"],"static":true}`,
		"/roster//orders/a":                         `{"addresses":["10.0.0.1"],"static":true}`,
		"/rosterish/default/orders/of-a-sibling":    `{"addresses":["10.0.0.1"],"static":true}`,
	} {
		put(key, value)
	}
	put("/roster/default/orders/last", `{"addresses":["127.0.0.2"],"ports":[{"name":"http","port":8080}],"static":true}`)
	harness.Eventually(t, harness.Patience, "the good ones in DNS", s.sees(t, "orders", "good", "last"))
	s.agree(t, "orders", "good", "last")

	out := s.dns.Output()
	for _, id := range []string{"no-json", "no-address", "bad-port", "no-lease", "hostile-value", "big", "_status/overridden", "Default", "deep/er/down"} {
		if lines := harness.Lines(out, "skipped"); len(containing(lines, id)) != 1 {
			t.Errorf("%q is named %d times, want 1", id, len(containing(lines, id)))
		}
	}
	if strings.ContainsAny(out, "\x1b") || len(harness.Lines(out, "\nINFO all is well")) > 0 {
		t.Errorf("hostile text reached the log:\n%q", out)
	}
	for _, line := range harness.Lines(out, "skipped") {
		if len(line) > 1024 {
			t.Errorf("a line of %d bytes: %.200s…", len(line), line)
		}
	}
	if got := s.dns.Metrics(t).Sum("coredns_roster_skipped_total"); got < 9 {
		t.Errorf("skipped_total is %v, want at least 9", got)
	}

	// Once fixed, it is served.
	put("/roster/default/orders/bad-port", `{"addresses":["127.0.0.3"],"ports":[{"name":"http","port":7000}],"static":true}`)
	harness.Eventually(t, harness.Patience, "the fixed one in DNS", s.sees(t, "orders", "bad-port", "good", "last"))
}

func containing(lines []string, text string) []string {
	var found []string
	for _, line := range lines {
		if strings.Contains(line, text) {
			found = append(found, fmt.Sprint(line))
		}
	}
	return found
}
