package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// TestRunRefused shows that a command goes on although etcd refuses its registration
// from the start, and that this is said.
func TestRunRefused(t *testing.T) {
	t.Parallel()
	r := &fakeRegistry{}
	r.set(status(registrar.StateFailed, time.Now(), registrar.ErrPermission))
	b := newBench(r.open)
	ended := make(chan int, 1)
	go func() {
		ended <- b.app.run(t.Context(), []string{"run", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--drain-delay", "0s", "--", "sleep", "1000"})
	}()
	eventually(t, "it says that it is refused", func() bool {
		return strings.Contains(b.stderr.String(), "registrar: registering default/orders/a: permission denied: check --user, --password-file and --cert, and the etcd roles of that user; retrying\n")
	})
	b.signals <- syscall.SIGTERM
	if code := <-ended; code != exitSignal+int(syscall.SIGTERM) {
		t.Errorf("exit code %d, want the command's", code)
	}
	if !r.closed {
		t.Error("the client was not closed")
	}
}

// TestRunNeverRegistered shows that nobody is told of the end of a command, nor waited
// for, while etcd has not confirmed its registration.
func TestRunNeverRegistered(t *testing.T) {
	t.Parallel()
	r := &fakeRegistry{}
	r.set(status(registrar.StatePending, time.Now(), registrar.ErrUnavailable))
	b := newBench(r.open)
	ended := make(chan int, 1)
	go func() {
		ended <- b.app.run(t.Context(), []string{"run", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--drain-delay", "1h", "--", "sleep", "1000"})
	}()
	eventually(t, "it says that etcd is away", func() bool {
		return strings.Contains(b.stderr.String(), "no contact with etcd")
	})
	b.signals <- syscall.SIGTERM
	eventually(t, "it ends without the delay", func() bool {
		select {
		case code := <-ended:
			return code == exitSignal+int(syscall.SIGTERM)
		default:
			return false
		}
	})
	if said := b.stderr.String(); strings.Contains(said, "draining") {
		t.Errorf("it said %s", said)
	}
}
