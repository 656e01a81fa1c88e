package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

// shop is a registry in memory that commands share.
type shop struct{ store *memory.Store }

func newShop() *shop { return &shop{memory.NewStore()} }

func (s *shop) open(more ...registrar.Option) func(context.Context, ...registrar.Option) (*registrar.Client, error) {
	return func(ctx context.Context, opts ...registrar.Option) (*registrar.Client, error) {
		opts = append(opts, memory.WithStore(s.store))
		return registrar.Open(ctx, "memory", append(opts, more...)...)
	}
}

// do runs a command with text on standard input and fails unless it exits with
// the code. It returns what the command wrote.
func (s *shop) do(t *testing.T, stdin string, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	b := newBench(s.open())
	b.app.stdin = strings.NewReader(stdin)
	code, stdout, stderr := b.run(t, args...)
	if code != want {
		t.Fatalf("registrar %s: exit code %d, want %d; stderr: %s", strings.Join(args, " "), code, want, stderr)
	}
	return stdout, stderr
}

// says is do, and fails unless the output is as wanted.
func (s *shop) says(t *testing.T, want string, args ...string) {
	t.Helper()
	if got, _ := s.do(t, "", exitOK, args...); got != want {
		t.Errorf("registrar %s:\n%swant\n%s", strings.Join(args, " "), got, want)
	}
}

func TestFlow(t *testing.T) {
	t.Parallel()
	s := newShop()
	_, stderr := s.do(t, "", exitOK, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "http:8080", "--static")
	if want := "registrar: registered default/orders/a (10.0.0.7, http:8080/tcp), static: it stays until it is unregistered\n"; stderr != want {
		t.Errorf("register said %q, want %q", stderr, want)
	}
	s.do(t, "", exitOK, "register", "orders", "--host", "db1.example.com", "--port", "5432", "--priority", "10", "-n", "prod", "--static")

	s.says(t, "NAMESPACE  SERVICE\ndefault    orders\nprod       orders\n", "list")
	s.says(t, "NAMESPACE  SERVICE\nprod       orders\n", "list", "-n", "prod")
	s.says(t, "default/orders\nprod/orders\n", "list", "-o", "name")
	s.says(t, "prod/orders\n", "list", "-o", "name", "-n", "prod")
	s.says(t, "a\n", "get", "orders", "-o", "name")
	s.says(t, "h-ed3cca5d4b9dcaec\n", "get", "prod/orders", "-o", "name")
	s.says(t, "h-ed3cca5d4b9dcaec\n", "get", "orders", "-n", "prod", "-o", "name")
	s.says(t, "ID  ADDRESS   PORTS          STATUS  WEIGHT  PRIO\na   10.0.0.7  http:8080/tcp  up      100     0\n", "get", "orders")

	one, _ := s.do(t, "", exitOK, "get", "orders", "-o", "jsonl")
	all, _ := s.do(t, "", exitOK, "list", "-o", "jsonl")
	if !strings.HasPrefix(all, one) || strings.Count(all, "\n") != 2 {
		t.Errorf("list -o jsonl wrote %q, want a line for each service as get -o jsonl writes it: %q", all, one)
	}

	s.do(t, "", exitNotFound, "get", "nope")
	s.do(t, "", exitNotFound, "unregister", "orders", "b")
	s.do(t, "", exitNotFound, "unregister", "nope", "a")
	if _, stderr := s.do(t, "", exitOK, "unregister", "orders", "a"); stderr != "registrar: unregistered default/orders/a\n" {
		t.Errorf("unregister said %q", stderr)
	}
	stdout, stderr := s.do(t, "", exitNotFound, "get", "orders", "-o", "json")
	if stdout != "" || stderr != "registrar: service default/orders: not found: to see the services, run: registrar list\n" {
		t.Errorf("get of nothing wrote %q and said %q", stdout, stderr)
	}
	s.do(t, "", exitNotFound, "unregister", "orders", "a")
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	s := newShop()
	for f, want := range map[string]string{"table": "", "wide": "", "name": "", "jsonl": "", "json": "[]\n", "yaml": "[]\n"} {
		s.says(t, want, "list", "-o", f)
	}
	if _, stderr := s.do(t, "", exitOK, "list", "-n", "prod"); stderr != "registrar: no services in namespace \"prod\" below prefix \"/roster\"\n" {
		t.Errorf("list said %q", stderr)
	}
}

// TestOutputIsInput shows that what get and list write can be registered.
func TestOutputIsInput(t *testing.T) {
	t.Parallel()
	from := newShop()
	from.do(t, ordersYAML, exitOK, "register", "--file", "-", "--static")
	from.do(t, "", exitOK, "register", "db", "--host", "db1.example.com", "--port", "pg:5432", "--meta", "note=yes", "--static")
	revision := func(s string) string { // revisions are each registry's own
		var out []string
		for line := range strings.Lines(s) {
			if !strings.Contains(line, "revision") {
				out = append(out, line)
			}
		}
		return strings.Join(out, "")
	}
	for _, f := range []string{"json", "yaml"} {
		to := newShop()
		text, _ := from.do(t, "", exitOK, "list", "-o", f)
		to.do(t, text, exitOK, "register", "--file", "-", "--static")
		if again, _ := to.do(t, "", exitOK, "list", "-o", f); revision(again) != revision(text) {
			t.Errorf("list -o %s wrote\n%swhich came back as\n%s", f, text, again)
		}
	}
}

func TestStatusAny(t *testing.T) {
	t.Parallel()
	s := newShop()
	const file = `{"name":"orders","instances":[{"id":"a","addresses":["10.0.0.7"],"status":"draining"}]}`
	s.do(t, file, exitOK, "register", "--file", "-", "--static")
	_, stderr := s.do(t, "", exitNotFound, "get", "orders")
	if want := "registrar: service default/orders: not found: 0 of 1 instances are up: to see them, run: registrar get 'default/orders?status=any'\n"; stderr != want {
		t.Errorf("get of a service that is not up said %q, want %q", stderr, want)
	}
	s.says(t, "ID  ADDRESS   PORTS  STATUS    WEIGHT  PRIO\na   10.0.0.7  -      draining  100     0\n", "get", "orders?status=any")
	s.says(t, "NAMESPACE  SERVICE  UP  REVISION  INSTANCES  KIND    OVERRIDES\ndefault    orders   0   2         1          static  0\n", "list", "-o", "wide")
	// What list writes for programs, register takes.
	for f, want := range map[string]string{"json": "[]\n", "jsonl": "", "yaml": "[]\n", "name": "default/orders\n"} {
		s.says(t, want, "list", "-o", f)
	}
	s.do(t, "", exitOK, "register", "carts", "--id", "b", "--address", "10.0.0.8", "--port", "80", "--static")
	text, _ := s.do(t, "", exitOK, "list", "-o", "json")
	s.do(t, text, exitOK, "register", "--file", "-", "--static")
	s.do(t, "", exitOK, "unregister", "orders", "a")
	s.do(t, "", exitNotFound, "get", "orders?status=any")
}

func TestOnceLeaves(t *testing.T) {
	t.Parallel()
	s := newShop()
	b := newBench(s.open(memory.WithLeaveOnClose()))
	code, _, stderr := b.run(t, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--once", "--lease", "20s")
	if code != exitOK || !strings.HasPrefix(stderr, "registrar: registered default/orders/a (10.0.0.7, 80/tcp), lease 20s: expires at about ") {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	s.says(t, "a\n", "get", "orders", "-o", "name")
}

func TestForegroundUntilSignal(t *testing.T) {
	t.Parallel()
	s := newShop()
	b := newBench(s.open())
	ended := make(chan int, 1)
	go func() {
		code, _, _ := b.run(t, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80")
		ended <- code
	}()
	reader, err := s.open()(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	eventually(t, "the instance is registered", func() bool {
		_, err := reader.GetService(t.Context(), "orders")
		return err == nil && strings.Contains(b.stderr.String(), "registered default/orders/a")
	})
	b.signals <- terminate
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d, want %d; stderr: %s", code, exitOK, b.stderr.String())
	}
	if _, err := reader.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrNotFound) {
		t.Errorf("after the signal the error is %v, want ErrNotFound", err)
	}
	if want := "registrar: registered default/orders/a (10.0.0.7, 80/tcp), lease 15s\nregistrar: unregistered default/orders/a\n"; b.stderr.String() != want {
		t.Errorf("it said %q, want %q", b.stderr.String(), want)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.do(t, "", exitOK, "register", "orders", "--id", "a", "--host", "db1.example.com", "--port", "80", "--static")
	s.do(t, "", exitOK, "register", "prod/carts", "--id", "b", "--host", "db1.example.com", "--port", "80", "--static")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"get", ""}, "orders\ndefault/orders\nprod/carts\n:4\n"},
		{[]string{"get", "-n", "prod", ""}, "carts\n:4\n"},
		{[]string{"get", "orders", ""}, "a\n:4\n"},
		{[]string{"get", "orders", "a", ""}, ":4\n"},
		{[]string{"unregister", ""}, "orders\ndefault/orders\nprod/carts\n:4\n"},
		{[]string{"unregister", "prod/carts", ""}, "b\n:4\n"},
		{[]string{"unregister", "nope", ""}, ":4\n"},
		{[]string{"watch", ""}, "orders\ndefault/orders\nprod/carts\n:4\n"},
		{[]string{"watch", "orders", "--", ""}, ":0\n"},
		{[]string{"render", ""}, ":0\n"},
		{[]string{"list", "-n", ""}, "default\nprod\n:4\n"},
		{[]string{"list", "--namespace", "p"}, "default\nprod\n:4\n"}, // the shell filters
		{[]string{"help", "policy", ""}, "delete\tDelete the policy of a service\nget\tShow the policy of a service\nset\tSet members of the policy of a service\n:4\n"},
		{[]string{"help", "nope", ""}, ":4\n"},
		{[]string{"list", "--timeout", ""}, ":4\n"},
		{[]string{"list", "--zone", ""}, ":4\n"},
		{[]string{"list", "--cacert", ""}, ":0\n"},
		{[]string{"register", "orders", "--file", ""}, ":0\n"},
		{[]string{"register", "orders", "--port", ""}, ":4\n"},
	} {
		stdout, _ := s.do(t, "", exitOK, append([]string{"__complete"}, c.args...)...)
		if stdout != c.want {
			t.Errorf("completing %q offers %q, want %q", c.args, stdout, c.want)
		}
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute it is still not so that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
