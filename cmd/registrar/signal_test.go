package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

const terminate = syscall.SIGTERM

// TestSignalsOfTheSystem runs the command as a process of its own, which waits
// for an etcd that isn't there.
func TestSignalsOfTheSystem(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			var stderr syncBuffer
			cmd := exec.CommandContext(ctx, program, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--endpoints", closedEndpoint(t))
			cmd.Args[0] = "registrar" // testscript.Main goes by it
			cmd.Stderr = &stderr
			// Whoever runs the tests can ignore it; what is handled here is not ignored there.
			handled := make(chan os.Signal, 1)
			signal.Notify(handled, s)
			err = cmd.Start()
			signal.Stop(handled)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill() }()
			eventually(t, "it says that etcd isn't there", func() bool {
				return strings.Contains(stderr.String(), "registrar: warning: no contact with etcd: ")
			})
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("after the signal it ended with %v, want exit code 0; stderr: %s", err, stderr.String())
			}
		})
	}
}

// TestIgnoredHangup: under nohup, a terminal that goes away ends nothing.
func TestIgnoredHangup(t *testing.T) { //nolint:paralleltest // signals are the process's
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP, syscall.SIGPIPE)
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	received, stop := terminations()
	defer stop()
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := self.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if s := <-received; s != syscall.SIGTERM {
		t.Errorf("the first signal is %v, want %v", s, syscall.SIGTERM)
	}
}

// TestStderrGoesAway shows that a reader of the messages that goes away, as
// head does, doesn't end a registration.
func TestStderrGoesAway(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	messages, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	cmd := exec.CommandContext(ctx, program, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80")
	cmd.Args[0] = inMemory // testscript.Main goes by it
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	stderr.Close()
	line, err := bufio.NewReader(messages).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "registrar: registered default/orders/a") {
		t.Fatalf("the first message is %q (%v)", line, err)
	}
	messages.Close()
	// After it there is one more message, that the instance was unregistered.
	if err := cmd.Process.Signal(terminate); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit code 0", err)
	}
}
