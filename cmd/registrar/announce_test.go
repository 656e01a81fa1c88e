package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// manyInstances is a file with 500 instances of a service.
func manyInstances() string {
	var b strings.Builder
	b.WriteString(`{"name":"orders","instances":[`)
	for i := range 500 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"i%d","addresses":["10.0.0.7"]}`, i)
	}
	b.WriteString("]}")
	return b.String()
}

// TestRegisterShows shows that programs get what is registered, in a form that register
// takes again.
func TestRegisterShows(t *testing.T) {
	t.Parallel()
	s := newShop()
	args := []string{"register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "http:8080", "--static"}
	const want = `{"namespace":"default","name":"orders","revision":2,"stale":false,"instances":[` +
		`{"id":"a","addresses":["10.0.0.7"],"ports":[{"name":"http","port":8080,"protocol":"tcp"}],"weight":100,"priority":0,"status":"up","static":true}]}` + "\n"
	stdout, _ := s.do(t, "", exitOK, append(args, "-o", "jsonl")...)
	if stdout != want {
		t.Errorf("-o jsonl wrote %s, want %s", stdout, want)
	}
	for format, want := range map[string]string{"name": "default/orders/a\n", "table": "", "wide": ""} {
		if stdout, _ := s.do(t, "", exitOK, append(args, "-o", format)...); stdout != want {
			t.Errorf("-o %s wrote %q, want %q", format, stdout, want)
		}
	}
	for _, format := range []string{"json", "jsonl", "yaml"} {
		stdout, _ := s.do(t, "", exitOK, append(args, "-o", format)...)
		newShop().do(t, stdout, exitOK, "register", "--file", "-", "--static")
	}
	two := "name: a\ninstances: [{host: a.example.com}]\n---\nname: b\ninstances: [{host: b.example.com}]\n"
	stdout, _ = s.do(t, two, exitOK, "register", "--file", "-", "--static", "-o", "json")
	var services []registrar.Service
	if err := json.Unmarshal([]byte(stdout), &services); err != nil || len(services) != 2 {
		t.Errorf("two services are %s", stdout)
	}
}

// TestHeldIsShown shows that register in the foreground prints what is registered when
// all of it is, and once.
func TestHeldIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, &fakeRegistry{}, "-o", "name")
		h.registry.set(status(registrar.StatePending, time.Now(), nil))
		h.said(t)
		if out := h.stdout.String(); out != "" {
			t.Errorf("ahead of it there is %q on standard output", out)
		}
		for range 2 {
			h.registry.set(status(registrar.StateRegistered, time.Now(), nil))
			time.Sleep(2 * statusPause)
			synctest.Wait()
		}
		if out := h.stdout.String(); out != "default/orders/a\n" {
			t.Errorf("standard output is %q", out)
		}
		h.end(t, terminate)
	})
}

// TestManyInstances shows that many instances take one line when they come, and one when
// they go, and none with --quiet.
func TestManyInstances(t *testing.T) {
	t.Parallel()
	s := newShop()
	if _, stderr := s.do(t, manyInstances(), exitOK, "register", "--file", "-", "--static"); stderr != "registrar: registered 500 instances of default/orders, static: it stays until it is unregistered\n" {
		t.Errorf("register --static said %q", stderr)
	}
	if _, stderr := s.do(t, manyInstances(), exitOK, "register", "--file", "-", "--static", "--quiet"); stderr != "" {
		t.Errorf("register --quiet said %q", stderr)
	}
	for _, flag := range []string{"--verbose=false", "--quiet"} {
		b := newBench(newShop().open())
		b.app.stdin = strings.NewReader(manyInstances())
		ended := make(chan int, 1)
		go func() {
			code, _, _ := b.run(t, "register", "--file", "-", "-o", "name", flag)
			ended <- code
		}()
		eventually(t, "all are registered", func() bool { return strings.Count(b.stdout.String(), "\n") == 500 })
		b.signals <- terminate
		if code := <-ended; code != exitOK {
			t.Errorf("exit code %d", code)
		}
		want := "registrar: registered 500 instances of default/orders, lease 15s\nregistrar: unregistered 500 instances of default/orders\n"
		if flag == "--quiet" {
			want = ""
		}
		if got := b.stderr.String(); got != want {
			t.Errorf("it said %q, want %q", got, want)
		}
	}
}

// TestListIsInput shows that what list and get write, in each format for programs, can be
// registered.
func TestListIsInput(t *testing.T) {
	t.Parallel()
	from := newShop()
	from.do(t, "- name: a\n  instances: [{id: x, host: a.example.com}]\n- name: b\n  instances: [{id: y, host: b.example.com}]\n", exitOK, "register", "--file", "-", "--static")
	for _, format := range []string{"json", "jsonl", "yaml"} {
		to := newShop()
		text, _ := from.do(t, "", exitOK, "list", "-o", format)
		to.do(t, text, exitOK, "register", "--file", "-", "--static")
		to.says(t, "default/a\ndefault/b\n", "list", "-o", "name")
		one, _ := from.do(t, "", exitOK, "get", "a", "-o", format)
		newShop().do(t, one, exitOK, "register", "--file", "-", "--static")
	}
}

// TestYAMLIsReadAsYAML12 shows what becomes of scalars that YAML 1.1 takes otherwise.
func TestYAMLIsReadAsYAML12(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.do(t, "---\nname: \"yes\"\ninstances:\n- {id: on, host: a.example.com, ports: [{name: y, port: 0o120}], metadata: {debug: yes, since: 2001-12-14, at: 1:30, n: 1_000}}\n", exitOK, "register", "--file", "-", "--static")
	s.says(t, "ID  ADDRESS        PORTS     STATUS  WEIGHT  PRIO  LOCALITY  TAGS  METADATA                                    TTL  KIND\n"+
		"on  a.example.com  y:80/tcp  up      100     0     -         -     at=1:30,debug=yes,n=1_000,since=2001-12-14  -    static\n", "get", "yes", "-o", "wide")
	if _, stderr := s.do(t, "name: s\ninstances:\n- {host: a.example.com, ports: [{port: 0120}]}\n", exitUsage, "register", "--file", "-", "--static"); !strings.Contains(stderr, "invalid YAML: line 3: 0120 is an octal number to readers of YAML 1.1") {
		t.Errorf("it said %q", stderr)
	}
}

// TestRunLeavesStandardOutput shows that what the command of run prints stays alone on
// standard output, whatever -o says.
func TestRunLeavesStandardOutput(t *testing.T) {
	t.Parallel()
	r := &fakeRegistry{}
	r.set(status(registrar.StateRegistered, time.Now(), nil))
	b := newBench(r.open)
	ended := make(chan int, 1)
	go func() {
		ended <- b.app.run(t.Context(), []string{"run", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--drain-delay", "0s", "-o", "json", "--", "sleep", "1000"})
	}()
	eventually(t, "it is registered", func() bool { return strings.Contains(b.stderr.String(), "registered default/orders/a") })
	b.signals <- terminate
	<-ended
	if out := b.stdout.String(); out != "" {
		t.Errorf("standard output has %q", out)
	}
}
