//go:build linux

package supervise

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asRun is the program that runs a command whose instance no client knows of, asRunKnown
// one of which they know, so that there is a delay.
const (
	asRun      = "as-run"
	asRunKnown = "as-run-known"
)

func init() {
	programs[asRun] = func(args []string) int { return mainRun(args, func() bool { return false }) }
	programs[asRunKnown] = func(args []string) int {
		return mainRun(args, func() bool { fmt.Println("draining"); return true })
	}
}

func mainRun(args []string, drain func() bool) int {
	signals, stop := Signals()
	defer stop()
	code, err := Run(context.Background(), Config{
		Path: args[0], Args: args, Env: os.Environ(), Signals: signals, Started: func() {},
		Drain: drain, DrainDelay: time.Hour, Notef: func(string, ...any) {},
	})
	if err != nil {
		panic(err)
	}
	return code
}

// terminalSession is a shell on a terminal of its own.
type terminalSession struct {
	master *os.File
	mu     sync.Mutex
	more   *sync.Cond
	output string
	closed bool
}

// newTerminal runs a script of the shell with job control on a terminal.
func newTerminal(t *testing.T, script string) *terminalSession {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-m", "-c", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	s := &terminalSession{master: master}
	s.more = sync.NewCond(&s.mu)
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.read()
	}()
	t.Cleanup(func() {
		_ = cmd.Wait()
		<-read // ends with an error once nobody has the terminal open any more
		master.Close()
	})
	return s
}

func (s *terminalSession) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.master.Read(buffer)
		s.mu.Lock()
		s.output += string(buffer[:n])
		s.closed = err != nil
		s.more.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await waits until the text is shown so many times.
func (s *terminalSession) await(t *testing.T, text string, times int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for strings.Count(s.output, text) < times {
		if s.closed {
			t.Fatalf("%q is not shown %d times: %q", text, times, s.output)
		}
		s.more.Wait()
	}
}

func (s *terminalSession) write(t *testing.T, text string) {
	t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// TestJobControl shows that a command at a terminal reads from it, that Ctrl-Z stops the
// whole job, that the shell brings it back, and that it has the terminal afterwards.
func TestJobControl(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	s := newTerminal(t, fmt.Sprintf(`%s %s %s; echo "stopped, $?"; fg; echo "ended, $?"; read line; echo "the shell read $line"`, self, asRun, cat))
	s.write(t, "hello\n")
	s.await(t, "hello", 2) // the echo, and what cat writes
	s.write(t, "\x1a")
	s.await(t, "stopped, 147", 1) // 128 and SIGSTOP
	s.write(t, "again\n")
	s.await(t, "again", 2)
	s.write(t, "\x04")
	s.await(t, "ended, 0", 1)
	s.write(t, "bye\n")
	s.await(t, "the shell read bye", 1)
}

// interrupt has a program of this test run a script on a terminal, presses Ctrl-C once a
// text is there, and waits for exit code 5.
func interrupt(t *testing.T, program, script, text string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	s := newTerminal(t, fmt.Sprintf(`%s %s %s -c '%s'; echo "ended, $?"`, self, program, shell, script))
	s.await(t, text, 1)
	s.write(t, "\x03")
	s.await(t, "ended, 5", 1)
}

// TestInterruptAtTerminal shows that Ctrl-C is the command's.
func TestInterruptAtTerminal(t *testing.T) {
	t.Parallel()
	interrupt(t, asRun, `trap "exit 5" INT; echo runs; while :; do sleep 0.01; done`, "runs")
}

// TestInterruptWhileLeaving shows that Ctrl-C ends the delay once the command has ended.
func TestInterruptWhileLeaving(t *testing.T) {
	t.Parallel()
	interrupt(t, asRunKnown, "exit 5", "draining")
}
