package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) {
	testscript.Main(leakCheck{m}, map[string]func(){"registrar": main, inMemory: mainInMemory, showTable: mainShowTable, withSample: mainWithSample})
}

// inMemory is the command with a registry of its own, for tests of what only a
// process of its own shows.
const inMemory = "registrar-in-memory"

func mainInMemory() {
	a := system(os.Stderr)
	a.open = newShop().open()
	os.Exit(a.run(context.Background(), os.Args[1:]))
}

// withSample is the command with a registry that has the services default/orders, with an
// instance a, and prod/carts, with b.
const withSample = "registrar-with-sample"

func mainWithSample() {
	s := newShop()
	for _, args := range []string{"orders --id a", "prod/carts --id b"} {
		a := system(os.Stderr)
		a.open, a.stderr = s.open(), io.Discard
		if code := a.run(context.Background(), strings.Fields("register "+args+" --host db1.example.com --port 80 --static")); code != exitOK {
			os.Exit(code)
		}
	}
	a := system(os.Stderr)
	a.open = s.open()
	os.Exit(a.run(context.Background(), os.Args[1:]))
}

// showTable is a program that shows a table, for tests of terminals.
const showTable = "show-table"

func mainShowTable() {
	if err := writeService(os.Stdout, formatTable, ordersService()); err != nil {
		os.Exit(exitFailure)
	}
}

// leakCheck is goleak.VerifyTestMain for testscript.Main, which exits itself.
type leakCheck struct{ m *testing.M }

func (l leakCheck) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines are left after the tests:", err)
		return 1
	}
	return code
}

func TestScripts(t *testing.T) {
	t.Parallel()
	closed := closedEndpoint(t)
	shows, behind := startDNS(t, at(1000)), startDNS(t, at(1))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("CLOSED", closed)
			env.Setenv("DNS", shows.addr)
			env.Setenv("DNS_BEHIND", behind.addr)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": scriptExits},
	})
}

// scriptExits runs a program and checks its exit code: exits CODE PROGRAM ARGS…
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("running %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// closedEndpoint returns an endpoint that refuses connections. Its port is
// bound until the test ends, but not listened on, so that nobody else gets it.
func closedEndpoint(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
}

// syncBuffer is a buffer for output that comes from several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// bench is a command line with everything around it injected.
type bench struct {
	app            *app
	stdout, stderr syncBuffer
	env            map[string]string
	signals        chan os.Signal
}

// newBench returns a bench whose command opens clients by open.
func newBench(open func(context.Context, ...registrar.Option) (*registrar.Client, error)) *bench {
	b := &bench{env: map[string]string{}, signals: make(chan os.Signal, 2)}
	b.app = &app{
		stdin:          strings.NewReader(""),
		stdout:         &b.stdout,
		stderr:         &b.stderr,
		flush:          func() {},
		getenv:         func(name string) string { return b.env[name] },
		open:           open,
		signals:        func() (<-chan os.Signal, func()) { return b.signals, func() {} },
		machine:        localaddr.This(),
		oneProcessor:   func() {}, // other tests run in this process
		commandSignals: func() (<-chan os.Signal, func()) { return b.signals, func() {} },
		etcd: func(context.Context, etcdclient.Config) (etcdClient, func(), error) {
			return nil, nil, errors.New("this test has no etcd")
		},
	}
	return b
}

// run runs the command once and returns its exit code and what it wrote.
func (b *bench) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	code = b.app.run(t.Context(), args)
	return code, b.stdout.String(), b.stderr.String()
}
