package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

// session is a command that runs until it is told to end.
type session struct {
	*bench
	ended chan int
}

// begin starts a command on the registry of the shop.
func (s *shop) begin(t *testing.T, args ...string) *session {
	t.Helper()
	return begin(t, newBench(s.open()), args...)
}

func begin(t *testing.T, b *bench, args ...string) *session {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &session{bench: b, ended: make(chan int, 1)}
	go func() { r.ended <- b.app.run(ctx, args) }()
	t.Cleanup(func() {
		cancel()
		if code, open := <-r.ended; open {
			t.Errorf("registrar %s was still running, or ended unasked with exit code %d; stderr: %s", strings.Join(args, " "), code, b.stderr.String())
		}
	})
	return r
}

// wrote waits until the command has written exactly this to standard output.
func (r *session) wrote(t *testing.T, want string) {
	t.Helper()
	eventually(t, "it has written\n"+want, func() bool {
		got := r.stdout.String()
		if len(got) >= len(want) && got != want {
			t.Fatalf("it has written\n%swant\n%s", got, want)
		}
		return got == want
	})
}

// says waits until the command has said something on standard error.
func (r *session) says(t *testing.T, what string) {
	t.Helper()
	eventually(t, "it has said "+what, func() bool { return strings.Contains(r.stderr.String(), what) })
}

// ends waits for the end of the command and checks its exit code.
func (r *session) ends(t *testing.T, want int) {
	t.Helper()
	if code := <-r.ended; code != want {
		t.Errorf("exit code %d, want %d; stderr: %s", code, want, r.stderr.String())
	}
	close(r.ended)
}

// stop sends the signal of Ctrl-C and checks that the command ends well.
func (r *session) stop(t *testing.T) {
	t.Helper()
	r.signals <- os.Interrupt
	r.ends(t, exitOK)
}

// put registers an instance, or gives it another status.
func (s *shop) put(t *testing.T, id, status string) {
	t.Helper()
	file := `{"name":"orders","instances":[{"id":"` + id + `","addresses":["10.0.0.7"],"ports":[{"name":"http","port":8080}],"status":"` + status + `"}]}`
	s.do(t, file, exitOK, "register", "--file", "-", "--static")
}

func TestGetWatch(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.put(t, "a", "up")
	r := s.begin(t, "get", "orders?status=any", "-w")
	out := "ID  ADDRESS   PORTS          STATUS    WEIGHT  PRIO\na   10.0.0.7  http:8080/tcp  up        100     0\n"
	r.wrote(t, out)
	s.put(t, "a", "draining")
	out += "a   10.0.0.7  http:8080/tcp  draining  100     0\n"
	r.wrote(t, out)
	s.put(t, "b", "up")
	out += "b   10.0.0.7  http:8080/tcp  up        100     0\n"
	r.wrote(t, out)
	r.stop(t)
	if r.stderr.String() != "" {
		t.Errorf("it said %q", r.stderr.String())
	}
}

// TestGetWatchOfRemoval: an instance leaves what is shown when it is no longer up.
func TestGetWatchOfRemoval(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.put(t, "a", "up")
	s.put(t, "b", "up")
	r := s.begin(t, "get", "orders", "-w")
	out := "ID  ADDRESS   PORTS          STATUS    WEIGHT  PRIO\na   10.0.0.7  http:8080/tcp  up        100     0\nb   10.0.0.7  http:8080/tcp  up        100     0\n"
	r.wrote(t, out)
	s.put(t, "a", "draining")
	out += "a   10.0.0.7  http:8080/tcp  removed   100     0\n"
	r.wrote(t, out)
	s.do(t, "", exitOK, "unregister", "orders", "b")
	out += "b   10.0.0.7  http:8080/tcp  removed   100     0\n"
	r.wrote(t, out)
	r.stop(t)
}

// TestGetWatchForPrograms: each set is a line, the empty one too.
func TestGetWatchForPrograms(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := s.begin(t, "get", "prod/orders", "-w", "-o", "jsonl")
	yaml := s.begin(t, "get", "prod/orders", "-w", "-o", "yaml")
	out := `{"namespace":"prod","name":"orders","revision":1,"stale":false,"instances":[]}` + "\n"
	r.wrote(t, out)
	eventually(t, "there is a document", func() bool { return strings.HasPrefix(yaml.stdout.String(), "---\ninstances: []\n") })
	s.do(t, "", exitOK, "register", "prod/orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--static")
	out += `{"namespace":"prod","name":"orders","revision":2,"stale":false,"instances":[{"id":"a","addresses":["10.0.0.7"],"ports":[{"port":80,"protocol":"tcp"}],"weight":100,"priority":0,"status":"up","static":true}]}` + "\n"
	r.wrote(t, out)
	eventually(t, "there are two documents", func() bool { return strings.Count(yaml.stdout.String(), "---\n") == 2 })
	r.stop(t)
	yaml.stop(t)
}

// TestGetWatchSaysWhatIsMissing: a service without instances is waited for.
func TestGetWatchSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := s.begin(t, "get", "orders", "-w")
	r.says(t, "registrar: no instance of default/orders to show yet\n")
	s.put(t, "a", "up")
	eventually(t, "there is a row", func() bool { return strings.Contains(r.stdout.String(), "\na ") })
	s.store.SetState(memory.Unavailable)
	r.says(t, "registrar: lost contact with etcd: ")
	s.store.SetState(memory.Up)
	r.says(t, "registrar: regained contact with etcd\n")
	r.stop(t)
}

func TestGetWatchEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state memory.State
		args  []string
		want  int
	}{
		{memory.Up, []string{"get", "Orders", "-w"}, exitUsage},
		{memory.Up, []string{"get", "orders", "-w", "-o", "name"}, exitUsage},
		{memory.Unavailable, []string{"get", "orders", "-w", "--timeout", "300ms"}, exitUnavailable},
		{memory.Forbidding, []string{"get", "orders", "-w"}, exitPermission},
	} {
		s := newShop()
		s.store.SetState(c.state)
		if _, stderr := s.do(t, "", c.want, c.args...); strings.Count(stderr, "\n") == 0 {
			t.Errorf("%q of a store that is %v says nothing", c.args, c.state)
		}
	}
}

// silentRegistry answers questions, but tells nothing of services.
type silentRegistry struct{ fakeRegistry }

func (s *silentRegistry) Watch(ctx context.Context, _ string) iter.Seq2[*registrar.Service, error] {
	return func(func(*registrar.Service, error) bool) { <-ctx.Done() }
}

// TestSlowRegistry: in contact with etcd, but not done within --timeout.
func TestSlowRegistry(t *testing.T) {
	t.Parallel()
	template, out := templateFile(t, idsTemplate)
	for _, args := range [][]string{{"get", "orders", "-w"}, {"render", template, out, "--once"}} {
		b := newBench(func(ctx context.Context, opts ...registrar.Option) (*registrar.Client, error) {
			r := &silentRegistry{}
			return registrar.NewClient(r), r.Init(ctx, opts...)
		})
		if code, _, stderr := b.run(t, append(args, "--timeout", "50ms")...); code != exitTimeout || !strings.HasSuffix(stderr, "try a longer --timeout\n") {
			t.Errorf("%q: exit code %d, stderr %q", args, code, stderr)
		}
	}
}

// brokenPipe is an output whose reader has enough.
type brokenPipe struct{ io.Writer }

func (brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "stdout", Err: syscall.EPIPE}
}

// TestGetWatchIntoHead: a reader that has enough is no failure.
func TestGetWatchIntoHead(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.put(t, "a", "up")
	b := newBench(s.open())
	b.app.stdout = brokenPipe{}
	if code, _, stderr := b.run(t, "get", "orders", "-w"); code != exitOK || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if err := endOfReader(registrar.ErrUnavailable); !errors.Is(err, registrar.ErrUnavailable) {
		t.Errorf("another error became %v", err)
	}
}
