//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminalRun is a command of its own process on a terminal.
type terminalRun struct {
	cmd    *exec.Cmd
	pty    *os.File
	output syncBuffer
	copied chan struct{}
}

// onTerminal starts a program of this test binary on a terminal of 60 columns and 10 rows.
func onTerminal(t *testing.T, env []string, program string, args ...string) *terminalRun {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &terminalRun{cmd: exec.CommandContext(ctx, self, args...), copied: make(chan struct{})}
	r.cmd.Args[0] = program // testscript.Main goes by it
	r.cmd.Env = append(append(os.Environ(), "TERM=xterm", "NO_COLOR="), env...)
	if r.pty, err = pty.StartWithSize(r.cmd, &pty.Winsize{Rows: 10, Cols: 60}); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.copied)
		_, _ = io.Copy(&r.output, r.pty) // it ends with an error: the other side is gone
	}()
	t.Cleanup(func() {
		cancel()
		_ = r.cmd.Wait()
		<-r.copied
		r.pty.Close()
	})
	return r
}

func (r *terminalRun) shows(t *testing.T, what string) {
	t.Helper()
	eventually(t, "the terminal shows "+what, func() bool { return strings.Contains(r.output.String(), what) })
}

const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// TestWatchOnTerminal: the screen is drawn on, follows its size, and is given back.
func TestWatchOnTerminal(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, nil, inMemory, "watch", "orders")
	r.shows(t, enterScreen)
	r.shows(t, "\x1b[Horders: 0 of 0 up, revision 1, no change for ")
	r.shows(t, "  ID  ADDRESS  PORTS  STATUS  WEIGHT  PRIO\x1b[K\x1b[J")
	if err := pty.Setsize(r.pty, &pty.Winsize{Rows: 10, Cols: 20}); err != nil {
		t.Fatal(err)
	}
	r.shows(t, "\x1b[Horders: 0 of 0 up, r\x1b[K")
	if _, err := r.pty.WriteString("\x03"); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit code 0", err)
	}
	<-r.copied
	if !strings.HasSuffix(r.output.String(), leaveScreen) {
		t.Errorf("at last it wrote %q", r.output.String())
	}
}

// TestWatchSuspended: with Ctrl-Z the terminal is the shell's, with fg it is drawn again.
func TestWatchSuspended(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, nil, inMemory, "watch", "orders")
	r.shows(t, "revision 1")
	if err := r.cmd.Process.Signal(syscall.SIGTSTP); err != nil {
		t.Fatal(err)
	}
	r.shows(t, leaveScreen)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("after Ctrl-Z its status is %v (%v), want stopped", status, err)
	}
	if err := r.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	r.shows(t, leaveScreen+enterScreen+"\x1b[H")
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit code 0", err)
	}
}

// TestWatchOnTerminalEnds: an error is shown on the screen of before.
func TestWatchOnTerminalEnds(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, nil, inMemory, "watch", "Orders")
	_ = r.cmd.Wait()
	<-r.copied
	if got := r.output.String(); r.cmd.ProcessState.ExitCode() != exitUsage || !strings.HasPrefix(got, enterScreen+leaveScreen+"registrar: name \"Orders\": ") {
		t.Errorf("exit code %d, it wrote %q", r.cmd.ProcessState.ExitCode(), got)
	}
}

// TestWideOnTerminal: what has no room and says only the default is left out.
func TestWideOnTerminal(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, []string{"NO_COLOR=1"}, withSample, "get", "orders", "-o", "wide")
	if err := r.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	<-r.copied
	const want = "ID  ADDRESS          PORTS   STATUS  WEIGHT  PRIO  KIND\r\n" +
		"a   db1.example.com  80/tcp  up      100     0     static\r\n"
	if got := r.output.String(); got != want {
		t.Errorf("it shows %q, want %q", got, want)
	}
}

// TestColours: on a terminal alone, and not where they are not wanted.
func TestColours(t *testing.T) {
	t.Parallel()
	const plain, coloured = "  up        100  ", "  \x1b[32mup\x1b[m        100  "
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"terminal":         {nil, coloured},
		"NO_COLOR":         {[]string{"NO_COLOR=1"}, plain},
		"a simple one":     {[]string{"TERM=dumb"}, plain},
		"of another width": {[]string{"TERM=vt100"}, coloured},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := onTerminal(t, c.env, showTable)
			if err := r.cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			<-r.copied
			if got := r.output.String(); !strings.Contains(got, c.want) {
				t.Errorf("it shows %q, want %q", got, c.want)
			}
		})
	}
}

// TestWatchOnSimpleTerminal: one that can't be drawn on gets lines.
func TestWatchOnSimpleTerminal(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, []string{"TERM=dumb"}, inMemory, "watch", "orders")
	r.shows(t, "registrar: no instance of default/orders to show yet")
	if strings.Contains(r.output.String(), "\x1b") {
		t.Errorf("it wrote %q", r.output.String())
	}
}
