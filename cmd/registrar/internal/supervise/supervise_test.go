//go:build unix

package supervise

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		if program := programs[os.Args[1]]; program != nil {
			os.Exit(program(os.Args[2:]))
		}
	}
	goleak.VerifyTestMain(m)
}

// programs is what the test binary does in place of tests when its first argument says
// so, for what only a process of its own shows; the arguments are those that follow.
var programs = map[string]func(args []string) int{}

// bench runs a command of the shell.
type bench struct {
	signals chan os.Signal
	dir     string
	cfg     Config

	mu      sync.Mutex
	drained int
	notes   []string
}

func newBench(t *testing.T, script string) *bench {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{signals: make(chan os.Signal, 8), dir: t.TempDir()}
	b.cfg = Config{
		Path: shell, Args: []string{"sh", "-c", script}, Env: append(os.Environ(), "DIR="+b.dir),
		Signals: b.signals, Started: func() {}, KillAfter: time.Minute, DrainDelay: time.Minute,
		Drain: func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.drained++
			return true
		},
		Notef: func(format string, args ...any) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.notes = append(b.notes, fmt.Sprintf(format, args...))
		},
	}
	return b
}

func (b *bench) start(t *testing.T) (ended <-chan int) {
	t.Helper()
	code := make(chan int, 1)
	go func() {
		c, err := Run(t.Context(), b.cfg)
		if err != nil {
			t.Error(err)
		}
		code <- c
	}()
	return code
}

// await waits until the command has made a file, and returns what is in it.
func (b *bench) await(t *testing.T, name string) string {
	t.Helper()
	for {
		text, err := os.ReadFile(filepath.Join(b.dir, name))
		if err == nil && strings.HasSuffix(string(text), "\n") {
			return strings.TrimSpace(string(text))
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("there is no %s", name)
		case <-time.After(time.Millisecond):
		}
	}
}

func (b *bench) drains() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.drained
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"exit 0": 0, "exit 3": 3, "exit 255": 255, "kill -TERM $$": 143, "kill -KILL $$": 137,
	} {
		b := newBench(t, script)
		b.cfg.DrainDelay = 0
		if code := <-b.start(t); code != want {
			t.Errorf("%s: exit code %d, want %d", script, code, want)
		}
		if n := b.drains(); n != 1 {
			t.Errorf("%s: it drained %d times", script, n)
		}
	}
}

// TestEndsByItself shows that clients have the delay to notice that the command has ended,
// and that a signal ends the delay.
func TestEndsByItself(t *testing.T) {
	t.Parallel()
	b := newBench(t, "exit 3")
	drains := make(chan struct{})
	b.cfg.Drain = func() bool { close(drains); return true }
	ended := b.start(t)
	<-drains
	b.signals <- syscall.SIGUSR1 // nobody is there to take it
	select {
	case code := <-ended:
		t.Fatalf("exit code %d within the delay", code)
	default:
	}
	b.signals <- syscall.SIGTERM
	if code := <-ended; code != 3 {
		t.Errorf("exit code %d, want the command's", code)
	}
}

// TestDelayElapses shows that the delay ends by itself.
func TestDelayElapses(t *testing.T) {
	t.Parallel()
	b := newBench(t, "exit 3")
	b.cfg.DrainDelay = time.Millisecond
	if code := <-b.start(t); code != 3 {
		t.Errorf("exit code %d, want the command's", code)
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.cfg.Path = b.dir
	b.cfg.Started = func() { t.Error("Started was called") }
	if code, err := Run(t.Context(), b.cfg); err == nil {
		t.Errorf("exit code %d, want an error", code)
	}
}

// TestGroupEnds shows that the whole process group gets the signal, as with "sh -c",
// whose shell does not pass it on.
func TestGroupEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, `(trap 'echo got >$DIR/child; exit' TERM; echo >$DIR/ready; while :; do sleep 0.01; done) & wait`)
	b.cfg.DrainDelay = 0
	ended := b.start(t)
	b.await(t, "ready")
	b.signals <- syscall.SIGTERM
	if code := <-ended; code != 143 {
		t.Errorf("exit code %d", code)
	}
	b.await(t, "child")
	if n := b.drains(); n != 1 {
		t.Errorf("it drained %d times", n)
	}
}

// TestInterrupt shows that the command gets the signal that asked for its end.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	b := newBench(t, `trap 'exit 4' INT; echo >$DIR/ready; while :; do sleep 0.01; done`)
	b.cfg.DrainDelay = 0
	ended := b.start(t)
	b.await(t, "ready")
	b.signals <- syscall.SIGINT
	if code := <-ended; code != 4 {
		t.Errorf("exit code %d, want that of the trap", code)
	}
}

// TestDelay shows that the command gets nothing before the delay is over, and that a
// second signal ends it.
func TestDelay(t *testing.T) {
	t.Parallel()
	b := newBench(t, `trap 'exit 7' TERM; trap 'echo >$DIR/usr1' USR1; echo >$DIR/ready; while :; do sleep 0.01; done`)
	ended := b.start(t)
	b.await(t, "ready")
	b.signals <- syscall.SIGTERM
	b.signals <- syscall.SIGUSR1 // passed on at any time
	b.await(t, "usr1")
	select {
	case code := <-ended:
		t.Fatalf("exit code %d within the delay", code)
	default:
	}
	b.signals <- syscall.SIGTERM
	if code := <-ended; code != 7 {
		t.Errorf("exit code %d, want that of the trap", code)
	}
}

// TestUnknownInstance shows that there is no delay where no client knows of it.
func TestUnknownInstance(t *testing.T) {
	t.Parallel()
	b := newBench(t, "echo >$DIR/ready; sleep 1000")
	b.cfg.Drain = func() bool { return false }
	ended := b.start(t)
	b.await(t, "ready")
	b.signals <- syscall.SIGTERM
	if code := <-ended; code != 143 {
		t.Errorf("exit code %d", code)
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	for name, hurry := range map[string]bool{"after the time": false, "by a third signal": true} {
		b := newBench(t, `trap '' TERM; echo >$DIR/ready; while :; do sleep 0.01; done`)
		if !hurry {
			b.cfg.DrainDelay, b.cfg.KillAfter = 0, time.Millisecond
		}
		ended := b.start(t)
		b.await(t, "ready")
		b.signals <- syscall.SIGTERM
		if hurry {
			b.signals <- syscall.SIGTERM
			b.signals <- syscall.SIGTERM
		}
		if code := <-ended; code != 137 {
			t.Errorf("%s: exit code %d, want 137", name, code)
		}
		if len(b.notes) != 1 || !strings.Contains(b.notes[0], "killing the command") {
			t.Errorf("%s: it said %q", name, b.notes)
		}
	}
}

// TestLeftBehind shows that what the command leaves running is drained and ended too, and
// that the exit code is the command's.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	b := newBench(t, `sh -c 'echo $$ >$DIR/left; exec sleep 1000' & while [ ! -s $DIR/left ]; do sleep 0.01; done; exit 5`)
	b.cfg.DrainDelay = 0
	if code := <-b.start(t); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
	if n := b.drains(); n != 1 {
		t.Errorf("it drained %d times", n)
	}
	pid, err := strconv.Atoi(b.await(t, "left"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

// TestStoppedCommandEnds shows that a command which is stopped gets the signal all the same.
func TestStoppedCommandEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, `echo >$DIR/ready; kill -STOP $$; sleep 1000`)
	b.cfg.DrainDelay = 0
	ended := b.start(t)
	b.await(t, "ready")
	b.signals <- syscall.SIGTERM
	if code := <-ended; code != 143 {
		t.Errorf("exit code %d", code)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, `exec sleep 1000`)
	b.cfg.DrainDelay = 0
	ctx, cancel := context.WithCancel(t.Context())
	b.cfg.Started = cancel
	if code, err := Run(ctx, b.cfg); code != 143 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
}
