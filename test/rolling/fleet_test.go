package rolling_test

import (
	"fmt"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// servers is how many there are.
	servers = 10
	// work is how long a request takes: long enough for some to be in flight on any
	// server at any time.
	work = 5 * time.Millisecond
	// lease is short, so that those who are killed leave while the test runs; on a busy
	// machine it must not run out before.
	lease = 5 * time.Second
)

func id(i int) string { return fmt.Sprintf("s%d", i) }

// fleet is the servers of a service, each a process.
type fleet struct {
	addrs     [servers]string
	processes [servers]*harness.Process
	// command starts the server with an ID at an address.
	command func(id, addr string) harness.Command
	// up is what a server writes once clients can find it.
	up string
}

// newFleet starts all servers.
func newFleet(t *testing.T, up string, command func(id, addr string) harness.Command) *fleet {
	t.Helper()
	f := &fleet{command: command, up: up}
	for i := range servers {
		f.addrs[i] = harness.FreeAddr(t)
		f.launch(t, i)
	}
	for i := range servers {
		f.await(t, i)
	}
	return f
}

func (f *fleet) launch(t *testing.T, i int) {
	t.Helper()
	c := f.command(id(i), f.addrs[i])
	c.Name = id(i)
	f.processes[i] = harness.Start(t, c)
}

func (f *fleet) await(t *testing.T, i int) {
	t.Helper()
	f.processes[i].WaitOutput(t, harness.Patience, f.up, 1)
}

// restart stops a server by TERM, and starts it again.
func (f *fleet) restart(t *testing.T, i int) {
	t.Helper()
	if code := f.processes[i].Stop(t); code != 0 {
		t.Errorf("%s ended with exit code %d", id(i), code)
	}
	f.launch(t, i)
	f.await(t, i)
}

// kill kills a server, which stays registered until its lease runs out.
func (f *fleet) kill(t *testing.T, i int) {
	t.Helper()
	f.processes[i].Kill()
}

// announced is what a server says of itself.
var announced = regexp.MustCompile(`serving as process (\d+)`)

// killBoth kills a server and the registrar that runs it, which has no time to notice
// that the server is dead.
func (f *fleet) killBoth(t *testing.T, i int) {
	t.Helper()
	p := f.processes[i]
	m := announced.FindStringSubmatch(p.Output())
	if m == nil {
		t.Fatalf("%s doesn't say which process it is", p)
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	p.Pause(t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.Kill()
}

// revive starts a server again that was killed.
func (f *fleet) revive(t *testing.T, i int) {
	t.Helper()
	f.launch(t, i)
	f.await(t, i)
}
