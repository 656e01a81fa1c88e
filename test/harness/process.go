package harness

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Command says what process to start.
type Command struct {
	// Name is for messages.
	Name string
	// Path and Args are the program and its arguments.
	Path string
	Args []string
	// Dir is the working directory; empty for a temporary one.
	Dir string
	// Env is added to the environment.
	Env []string
	// Stdin is read by the process; nil is empty.
	Stdin *os.File
	// Log, which can be nil, takes what the process writes, in place of Output.
	Log *os.File
	// Wrap, which can be nil, is a command that runs the one after it.
	Wrap []string
}

// Process is a process that was started. It is killed at the end of its test.
type Process struct {
	name        string
	cmd         *exec.Cmd
	stdout, all *output
	done        chan struct{} // closed when the process has ended
}

// Start starts a process.
func Start(t testing.TB, c Command) *Process {
	t.Helper()
	argv := slices.Concat(c.Wrap, []string{c.Path}, c.Args)
	cmd := exec.Command(argv[0], argv[1:]...)
	p := &Process{name: c.Name, cmd: cmd, stdout: newOutput(), all: newOutput(), done: make(chan struct{})}
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	cmd.Env = append(environment(), c.Env...)
	if c.Stdin != nil {
		cmd.Stdin = c.Stdin
	}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(p.stdout, p.all), p.all
	if c.Log != nil {
		cmd.Stdout, cmd.Stderr = c.Log, c.Log
	}
	cmd.SysProcAttr = sysProcAttr()
	// A child of a killed process that holds the pipe must not hang the test.
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", c.Name, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the state tells
	}()
	t.Cleanup(func() { p.cleanup(t) })
	return p
}

// environment is the test's own without what would change the programs tested.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "REGISTRAR_") || strings.HasPrefix(kv, "ETCD_") ||
			strings.HasPrefix(kv, "ETCDCTL_") || strings.HasPrefix(kv, programEnv+"=")
	})
}

func (p *Process) cleanup(t testing.TB) {
	p.Kill()
	if t.Failed() {
		t.Logf("%s wrote:\n%s", p, p.all)
	}
}

// String names the process.
func (p *Process) String() string { return p.name }

// PID is the process's ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout is what the process wrote to its standard output so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Output is all that the process wrote so far.
func (p *Process) Output() string { return p.all.String() }

// Signal sends a signal.
func (p *Process) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("sending %v to %s: %v", sig, p, err)
	}
}

// Pause stops the process by SIGSTOP.
func (p *Process) Pause(t testing.TB) {
	t.Helper()
	p.Signal(t, syscall.SIGSTOP)
}

// Continue lets a paused process go on.
func (p *Process) Continue(t testing.TB) {
	t.Helper()
	p.Signal(t, syscall.SIGCONT)
}

// Kill kills the process and waits for its end.
func (p *Process) Kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(err) // SIGKILL to an own child can't fail
	}
	<-p.done
}

// Stop sends TERM and returns the exit code.
func (p *Process) Stop(t testing.TB) int {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	return p.Wait(t, Patience)
}

// dumpTime is how long a process has to write its stacks.
const dumpTime = 10 * time.Second

// Wait waits for the process's end, as Eventually does, and returns its exit code:
// of one that a signal ended, 128 and the signal's number, as in a shell.
func (p *Process) Wait(t testing.TB, bound time.Duration) int {
	t.Helper()
	timeout := Limit(bound)
	select {
	case <-p.done:
	case <-time.After(timeout):
		p.Signal(t, syscall.SIGABRT) // by which a Go program says what it does
		select {
		case <-p.done:
		case <-time.After(dumpTime):
		}
		t.Fatalf("%s has not ended after %v", p, timeout)
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// WaitOutput waits, as Eventually does, until the process has written a text n
// times in all.
func (p *Process) WaitOutput(t testing.TB, bound time.Duration, text string, n int) {
	t.Helper()
	timeout := Limit(bound)
	deadline := time.After(timeout)
	for {
		written, more := p.all.read()
		if strings.Count(written, text) >= n {
			return
		}
		select {
		case <-more:
		case <-p.done:
			if strings.Count(p.Output(), text) < n {
				t.Fatalf("%s ended without writing %q %d times", p, text, n)
			}
			return
		case <-deadline:
			t.Fatalf("%s did not write %q %d times in %v", p, text, n, timeout)
		}
	}
}
