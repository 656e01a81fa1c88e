package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar"
)

// errAway is what the library says while etcd is away.
var errAway = fmt.Errorf("etcd: dialing: %w", registrar.ErrUnavailable)

// errNoSpace is what it says while etcd's quota is used up.
var errNoSpace = fmt.Errorf("etcd %w: %w", registrar.ErrUnavailable, rpctypes.ErrNoSpace)

// status is that of the instance that holding registers.
func status(state registrar.State, since time.Time, err error) registrar.InstanceStatus {
	return registrar.InstanceStatus{Namespace: "default", Service: "orders", ID: "a", State: state, Since: since, Err: err}
}

// holding runs "register" in the foreground against a fake registry, within a
// synctest bubble.
type holding struct {
	*bench
	registry *fakeRegistry
	ended    chan int
	seen     int
}

func hold(t *testing.T, registry *fakeRegistry, flags ...string) *holding {
	t.Helper()
	h := &holding{bench: newBench(registry.open), registry: registry, ended: make(chan int, 1)}
	args := append([]string{"register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "http:8080"}, flags...)
	go func() { h.ended <- h.app.run(t.Context(), args) }()
	return h
}

// said waits until the command has looked at the status and fails unless it
// wrote exactly the lines since the last call.
func (h *holding) said(t *testing.T, lines ...string) {
	t.Helper()
	time.Sleep(2 * statusPause) // synctest's clock: the command has looked by then
	synctest.Wait()
	want := ""
	for _, line := range lines {
		want += "registrar: " + line + "\n"
	}
	all := h.stderr.String()
	if got := all[h.seen:]; got != want {
		t.Errorf("it said\n%swant\n%s", got, want)
	}
	h.seen = len(all)
}

// end sends a signal and returns the exit code.
func (h *holding) end(t *testing.T, s os.Signal) int {
	t.Helper()
	h.signals <- s
	synctest.Wait()
	select {
	case code := <-h.ended:
		return code
	default:
		t.Fatal("the command goes on after the signal")
		return 0
	}
}

func TestHoldTellsItsStory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{}
		h := hold(t, r, "--lease", "20s")
		start := time.Now()
		r.set(status(registrar.StatePending, start, nil))
		h.said(t)
		r.set(status(registrar.StateRegistered, start.Add(1), nil))
		h.said(t, "registered default/orders/a (10.0.0.7, http:8080/tcp), lease 20s")
		r.set(status(registrar.StateRegistered, start.Add(1), errAway))
		h.said(t, "lost contact with etcd: etcd: dialing: unavailable; retrying: instances stay registered for up to 20s")
		r.set(status(registrar.StatePending, start.Add(2), errAway))
		h.said(t)
		r.set(status(registrar.StateRegistered, start.Add(3), nil))
		h.said(t, "regained contact with etcd", "registered default/orders/a again (10.0.0.7, http:8080/tcp), lease 20s")
		r.set(status(registrar.StateSuperseded, start.Add(4), registrar.ErrSuperseded))
		h.said(t, "default/orders/a was superseded: another client registered it; it will be registered again once that client removes it")
		r.set(status(registrar.StateRegistered, start.Add(5), nil))
		h.said(t, "registered default/orders/a again (10.0.0.7, http:8080/tcp), lease 20s")
		r.set(status(registrar.StateFailed, start.Add(6), registrar.ErrPermission))
		h.said(t, "etcd rejects default/orders/a: permission denied: check --user, --password-file and --cert, and the etcd roles of that user; retrying")
		r.set(status(registrar.StateFailed, start.Add(6), errors.Join(registrar.ErrPermission, errAway)))
		h.said(t, "lost contact with etcd: permission denied; etcd: dialing: unavailable; retrying: instances stay registered for up to 20s")
		r.set(status(registrar.StateFailed, start.Add(6), registrar.ErrPermission))
		h.said(t, "regained contact with etcd")
		r.set(status(registrar.StateRegistered, start.Add(7), nil))
		h.said(t, "registered default/orders/a again (10.0.0.7, http:8080/tcp), lease 20s")
		r.set(status(registrar.StateRegistered, start.Add(7), registrar.ErrPermission)) // of keepalives
		h.said(t, "lost contact with etcd: permission denied; retrying: instances stay registered for up to 20s")
		r.set(status(registrar.StateRegistered, start.Add(7), nil))
		h.said(t, "regained contact with etcd")
		r.set(status(registrar.StateSuperseded, start.Add(8), registrar.ErrSuperseded))
		h.said(t, "default/orders/a was superseded: another client registered it; it will be registered again once that client removes it")
		if code := h.end(t, syscall.SIGTERM); code != exitOK {
			t.Errorf("exit code %d, want %d", code, exitOK)
		}
		h.said(t, "left default/orders/a to the client that superseded this one")
		if !r.closed || r.opts.LeaseTTL != 20*time.Second {
			t.Errorf("closed %v, lease %v; want the client closed and a lease of 20s", r.closed, r.opts.LeaseTTL)
		}
	})
}

func TestHoldEndings(t *testing.T) {
	t.Parallel()
	registered := status(registrar.StateRegistered, time.Time{}, nil)
	for name, c := range map[string]struct {
		status   registrar.InstanceStatus
		closeErr error
		code     int
		want     string
	}{
		"unregistered":              {registered, nil, exitOK, "registrar: unregistered default/orders/a\n"},
		"etcd never there":          {status(registrar.StatePending, time.Time{}, errAway), errAway, exitOK, ""},
		"superseded from the start": {status(registrar.StateSuperseded, time.Time{}, registrar.ErrSuperseded), nil, exitOK, ""},
		"couldn't be unregistered":  {registered, errAway, exitUnavailable, "registrar: unregistering default/orders/a: etcd: dialing: unavailable: check that etcd is running and that --endpoints names it\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &fakeRegistry{closeErr: c.closeErr}
				h := hold(t, r)
				synctest.Wait()
				r.set(c.status)
				time.Sleep(2 * statusPause) // synctest's clock
				before := h.stderr.String()
				if code := h.end(t, os.Interrupt); code != c.code {
					t.Errorf("exit code %d, want %d", code, c.code)
				}
				if got := strings.TrimPrefix(h.stderr.String(), before); got != c.want {
					t.Errorf("it said %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestHoldRefusedFromTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{}
		h := hold(t, r)
		synctest.Wait()
		r.set(status(registrar.StateFailed, time.Now(), fmt.Errorf("etcd: putting: %w", registrar.ErrPermission)))
		if code := <-h.ended; code != exitPermission {
			t.Errorf("exit code %d, want %d", code, exitPermission)
		}
		const want = "registrar: registering default/orders/a: etcd: putting: permission denied: check --user, --password-file and --cert, and the etcd roles of that user\n"
		if got := h.stderr.String(); got != want {
			t.Errorf("it said %q, want %q", got, want)
		}
		if !r.closed {
			t.Error("the client was not closed")
		}
	})
}

func TestHoldSecondSignal(t *testing.T) {
	t.Parallel()
	for first, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		synctest.Test(t, func(t *testing.T) {
			r := &fakeRegistry{closeBlock: make(chan struct{})}
			h := hold(t, r)
			r.set(status(registrar.StateRegistered, time.Now(), nil))
			time.Sleep(2 * statusPause) // synctest's clock
			h.signals <- first
			synctest.Wait()
			select {
			case code := <-h.ended:
				t.Fatalf("exit code %d after the first signal, while it unregisters", code)
			default:
			}
			if code := h.end(t, first); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			close(r.closeBlock)
		})
	}
}

// TestHoldSignalWhileSubmitting shows that a signal is heard while etcd doesn't
// answer the first write.
func TestHoldSignalWhileSubmitting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{registering: make(chan struct{})}
		h := hold(t, r)
		synctest.Wait()
		if code := h.end(t, syscall.SIGTERM); code != exitOK {
			t.Errorf("exit code %d, want %d", code, exitOK)
		}
		if !r.closed {
			t.Error("the client was not closed")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{registering: make(chan struct{}), deaf: true}
		h := hold(t, r)
		synctest.Wait()
		h.signals <- syscall.SIGTERM
		synctest.Wait()
		if code := h.end(t, syscall.SIGTERM); code != exitSignal+int(syscall.SIGTERM) {
			t.Errorf("exit code %d after the second signal, want %d", code, exitSignal+int(syscall.SIGTERM))
		}
		close(r.registering)
	})
}

// TestHoldSignalRightAfterRegistration shows that what was registered just
// before the signal is spoken of, and counts.
func TestHoldSignalRightAfterRegistration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{closeErr: errAway}
		h := hold(t, r)
		synctest.Wait()
		r.set(status(registrar.StateRegistered, time.Now(), nil))
		if code := h.end(t, syscall.SIGTERM); code != exitUnavailable {
			t.Errorf("exit code %d, want %d; it said %s", code, exitUnavailable, h.stderr.String())
		}
	})
}

func TestHoldNoSpace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{}
		h := hold(t, r)
		r.set(status(registrar.StateFailed, time.Now(), errNoSpace))
		h.said(t, "etcd rejects default/orders/a: etcd unavailable: etcdserver: mvcc: database space exceeded: "+noSpaceHint+"; retrying")
		h.end(t, syscall.SIGTERM)
	})
}

func TestHoldStaticFromFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{}
		h := &holding{bench: newBench(r.open), registry: r, ended: make(chan int, 1)}
		h.app.stdin = strings.NewReader(`{"name":"orders","instances":[{"id":"a","host":"db1.example.com","static":true}]}`)
		go func() { h.ended <- h.app.run(t.Context(), []string{"register", "--file", "-"}) }()
		r.set(status(registrar.StateRegistered, time.Now(), nil))
		h.said(t, "registered default/orders/a (db1.example.com), static")
		if code := h.end(t, syscall.SIGTERM); code != exitOK {
			t.Errorf("exit code %d, want %d", code, exitOK)
		}
		h.said(t, "left default/orders/a, which is static: it stays until it is unregistered")
	})
}

// named is an error of Wait's, which names the instance.
func named(err error) error {
	return fmt.Errorf("registrar: default/orders/10-0-0-7-80: %w", err)
}

func TestOneShotTimeouts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		existsErr, waitErr error
		code               int
	}{
		"no contact":   {errAway, context.DeadlineExceeded, exitUnavailable},
		"contact lost": {nil, errors.Join(named(context.DeadlineExceeded), errAway), exitUnavailable},
		"too slow":     {nil, named(context.DeadlineExceeded), exitTimeout},
		"refused":      {registrar.ErrPermission, named(registrar.ErrPermission), exitPermission},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &fakeRegistry{waitErr: c.waitErr, existsErr: c.existsErr}
			code, stdout, stderr := newBench(r.open).run(t, "register", "orders", "--address", "10.0.0.7", "--port", "80", "--once", "--timeout", "60ms")
			if code != c.code || stdout != "" || !strings.HasPrefix(stderr, "registrar: registering") || strings.Count(stderr, "default/orders/10-0-0-7-80") != 1 {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d and an error that names the instance once", code, stdout, stderr, c.code)
			}
			if !r.closed {
				t.Error("the client was not closed")
			}
		})
	}
}
