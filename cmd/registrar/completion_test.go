//go:build unix

package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestCompletionOfAddresses: the interfaces of this machine, of which there is always the
// loopback one.
func TestCompletionOfAddresses(t *testing.T) {
	t.Parallel()
	_, stdout, _ := newBench(nil).run(t, "__complete", "register", "orders", "--address", "iface:")
	if !strings.Contains(stdout, "\t127.0.0.1") || !strings.Contains(stdout, "\n127.0.0.1\tlo") || !strings.HasSuffix(stdout, "\n:4\n") {
		t.Errorf("it offers %q", stdout)
	}
}

// TestCompletionInBash types into a bash that has nothing but the script of "completion
// bash": not the package bash-completion. What the line has become is run, and shown with
// its words in angle brackets.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	loopback := loopbackName(t)
	s := startShell(t, "bash", "--norc", "--noprofile", "-i")
	s.enter(t, `registrar() { case $1 in __complete) `+withSample+` "$@" ;; *) printf '<%s>' "$@"; echo ;; esac; }`)
	s.enter(t, `source <(`+withSample+` completion bash)`)
	s.enter(t, `echo rea""dy`)
	s.shows(t, "the script", "ready\n")
	for typed, want := range map[string]string{
		"registrar get pr\t":                                          "<get><prod/carts>",
		"registrar get prod/\t-o na\t":                                "<get><prod/carts><-o><name>",
		"registrar unregister orders \t":                              "<unregister><orders><a>",
		"registrar -n pr\tget \t":                                     "<-n><prod><get><carts>",
		"registrar list --output=ya\t":                                "<list><--output=yaml>",
		"registrar list --output ya\t":                                "<list><--output><yaml>",
		"registrar help comp\t":                                       "<help><completion>",
		"registrar help policy s\t":                                   "<help><policy><set>",
		"registrar register x --address 127.0.0.1\t":                  "<register><x><--address><127.0.0.1>",
		"registrar register x --address iface:" + loopback[:1] + "\t": "<register><x><--address><iface:" + loopback + ">",
		"registrar comp\tba\t":                                        "<completion><bash>",
	} {
		s.enter(t, typed)
		s.shows(t, typed, want+"\n")
	}
}

func loopbackName(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("there is no loopback interface")
	return ""
}

// shellOnTerminal is a shell that a test types into.
type shellOnTerminal struct {
	pty    *os.File
	output syncBuffer
}

func startShell(t *testing.T, name string, args ...string) *shellOnTerminal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "PS1=", "TERM=dumb", "INPUTRC=/dev/null", "HOME="+t.TempDir())
	s := &shellOnTerminal{}
	var err error
	if s.pty, err = pty.Start(cmd); err != nil {
		cancel()
		t.Fatal(err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(&s.output, s.pty) // it ends with an error: the other side is gone
	}()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		<-copied
		s.pty.Close()
	})
	return s
}

// enter types a line.
func (s *shellOnTerminal) enter(t *testing.T, line string) {
	t.Helper()
	if _, err := s.pty.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
}

// shows waits until a line is shown.
func (s *shellOnTerminal) shows(t *testing.T, typed, line string) {
	t.Helper()
	eventually(t, "the terminal shows "+line+" after "+typed+": "+s.output.String(), func() bool {
		return strings.Contains(strings.ReplaceAll(s.output.String(), "\r", ""), line)
	})
}
