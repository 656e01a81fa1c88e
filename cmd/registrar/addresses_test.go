package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/registrar"
)

// fakeMachine is a machine with one interface, d0, whose addresses a test changes.
type fakeMachine struct {
	changes chan struct{}

	mu        sync.Mutex
	addresses []netip.Addr
}

func (m *fakeMachine) machine() localaddr.Machine {
	return localaddr.Machine{
		Lookup: func(_ context.Context, name string, endpoints ...string) ([]netip.Addr, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if len(m.addresses) == 0 {
				return nil, fmt.Errorf("registrar: no address of %q%s: %w", name, strings.Join(endpoints, ""), registrar.ErrUnavailable)
			}
			return m.addresses, nil
		},
		Watch: func(ctx context.Context, changed func()) {
			for changed(); ; changed() {
				select {
				case <-m.changes:
				case <-ctx.Done():
					return
				}
			}
		},
	}
}

// has changes the addresses, and waits until all in the bubble have acted on it.
func (m *fakeMachine) has(addresses ...string) {
	m.set(addresses...)
	synctest.Wait()
}

// set changes the addresses.
func (m *fakeMachine) set(addresses ...string) {
	var parsed []netip.Addr
	for _, a := range addresses {
		parsed = append(parsed, netip.MustParseAddr(a))
	}
	m.mu.Lock()
	m.addresses = parsed
	m.mu.Unlock()
	m.changes <- struct{}{}
}

// holdOn is hold on a machine whose addresses change.
func holdOn(t *testing.T, m *fakeMachine, registry *fakeRegistry, args ...string) *holding {
	t.Helper()
	m.changes = make(chan struct{})
	h := &holding{bench: newBench(registry.open), registry: registry, ended: make(chan int, 1)}
	h.app.machine = m.machine()
	go func() {
		h.ended <- h.app.run(t.Context(), append([]string{"register", "orders", "--port", "8080"}, args...))
	}()
	synctest.Wait()
	return h
}

// registered returns the addresses of the registration that came last.
func (f *fakeRegistry) registered() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.services) == 0 {
		return ""
	}
	return addressList(f.services[len(f.services)-1].Instances[0].Addresses)
}

func inState(id string, state registrar.State) registrar.InstanceStatus {
	return registrar.InstanceStatus{Namespace: "default", Service: "orders", ID: id, State: state, Since: time.Now()}
}

// TestWaitForAddress is fault 23: without an address yet it waits, and says so.
func TestWaitForAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"interface": {[]string{"--address", "iface:d0"}, `waiting for an address to register: --address "iface:d0": no address of "d0": unavailable`},
		"route":     {[]string{"--endpoints", "http://etcd:2379"}, `waiting for an address to register: no address of ""http://etcd:2379: unavailable: use --address`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m, r := &fakeMachine{}, &fakeRegistry{}
				h := holdOn(t, m, r, c.args...)
				h.says(t, c.want)
				time.Sleep(time.Hour) // synctest's clock
				h.said(t)
				m.has("10.0.0.7")
				if got := r.registered(); got != "10.0.0.7" {
					t.Errorf("registered %q, want 10.0.0.7", got)
				}
				r.set(inState("10-0-0-7-8080", registrar.StateRegistered))
				h.said(t, "registered default/orders/10-0-0-7-8080 (10.0.0.7, 8080/tcp), lease 15s")
				if code := h.end(t, syscall.SIGTERM); code != exitOK {
					t.Errorf("exit code %d, want %d", code, exitOK)
				}
				h.said(t, "unregistered default/orders/10-0-0-7-8080")
			})
		})
	}
}

// says fails unless the command wrote a line since the last call that starts so.
func (h *holding) says(t *testing.T, start string) {
	t.Helper()
	synctest.Wait()
	all := h.stderr.String()
	if got := all[h.seen:]; !strings.HasPrefix(got, "registrar: "+start) || strings.Count(got, "\n") != 1 {
		t.Errorf("it said %q, want one line that starts with %q", got, start)
	}
	h.seen = len(all)
}

// TestEndWhileWaiting: a signal is heard while there is no address.
func TestEndWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := holdOn(t, &fakeMachine{}, &fakeRegistry{}, "--address", "iface:d0")
		if code := h.end(t, syscall.SIGTERM); code != exitOK {
			t.Errorf("exit code %d, want %d", code, exitOK)
		}
	})
}

// TestMistakesDoNotWait: what is wrong in any case is said at once.
func TestMistakesDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := holdOn(t, &fakeMachine{}, &fakeRegistry{}, "--address", "iface:d0", "--port", "8081")
		if code := <-h.ended; code != exitUsage {
			t.Errorf("exit code %d, want %d", code, exitUsage)
		}
		h.said(t, "registering default/orders: --port 8081/tcp: name is missing for more than one tcp port: name the ports, such as --port web:8081/tcp")
	})
}

// TestFollowAddress is fault 24: the address of the interface changes, as by DHCP.
func TestFollowAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, r := &fakeMachine{addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}}, &fakeRegistry{}
		h := holdOn(t, m, r, "--address", "iface:d0", "--id", "a")
		r.set(status(registrar.StateRegistered, time.Now(), nil))
		h.said(t, "registered default/orders/a (10.0.0.7, 8080/tcp), lease 15s")

		m.has("10.0.0.8")
		if got := r.registered(); got != "10.0.0.8" {
			t.Errorf("registered %q, want 10.0.0.8", got)
		}
		h.says(t, "the address of this machine changed from 10.0.0.7 to 10.0.0.8")
		r.set(status(registrar.StateRegistered, time.Now(), nil))
		h.said(t, "registered default/orders/a again (10.0.0.8, 8080/tcp), lease 15s")
		if len(r.removed) > 0 {
			t.Errorf("unregistered %v, want the same instance elsewhere", r.removed)
		}

		m.has()
		h.says(t, `this machine has no address to register any more: --address "iface:d0": no address of "d0": unavailable`)
		if want := []instanceName{{"default", "orders", "a"}}; !slices.Equal(r.removed, want) {
			t.Errorf("unregistered %v, want %v", r.removed, want)
		}
		r.set()
		h.said(t, "unregistered default/orders/a")

		m.has("10.0.0.9")
		r.set(status(registrar.StateRegistered, time.Now(), nil))
		h.said(t, "registered default/orders/a (10.0.0.9, 8080/tcp), lease 15s")
		h.end(t, syscall.SIGTERM)
	})
}

// TestFollowAddressOfID: an ID that comes from the address changes with it.
func TestFollowAddressOfID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, r := &fakeMachine{addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}}, &fakeRegistry{}
		h := holdOn(t, m, r, "--endpoints", "http://etcd:2379")
		r.set(inState("10-0-0-7-8080", registrar.StateRegistered))
		h.said(t, "registered default/orders/10-0-0-7-8080 (10.0.0.7, 8080/tcp), lease 15s")
		m.has("10.0.0.8")
		h.says(t, "the address of this machine changed from 10.0.0.7 to 10.0.0.8")
		if want := []instanceName{{"default", "orders", "10-0-0-7-8080"}}; !slices.Equal(r.removed, want) {
			t.Errorf("unregistered %v, want %v", r.removed, want)
		}
		r.set(inState("10-0-0-8-8080", registrar.StateRegistered))
		h.said(t,
			"unregistered default/orders/10-0-0-7-8080",
			"registered default/orders/10-0-0-8-8080 (10.0.0.8, 8080/tcp), lease 15s")
		h.end(t, syscall.SIGTERM)
	})
}

// TestOneShotWaitsForAddress: --once and --static wait for --timeout.
func TestOneShotWaitsForAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{}
		b := newBench(r.open)
		m := &fakeMachine{changes: make(chan struct{})}
		b.app.machine = m.machine()
		time.AfterFunc(3*time.Second, func() { m.has("10.0.0.7") })
		code, _, stderr := b.run(t, "register", "orders", "--port", "80", "--once", "--address", "iface:d0")
		if code != exitOK || r.registered() != "10.0.0.7" || !strings.HasPrefix(stderr, `registrar: waiting for an address: --address "iface:d0": `) {
			t.Errorf("exit code %d, registered %q; it said %q", code, r.registered(), stderr)
		}
	})
	for code, args := range map[int][]string{
		exitUsage:       {"--address", "iface:d0"},
		exitUnavailable: {"--endpoints", "http://etcd:2379"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench((&fakeRegistry{}).open)
			b.app.machine = (&fakeMachine{changes: make(chan struct{})}).machine()
			start := time.Now()
			got, _, stderr := b.run(t, append([]string{"register", "orders", "--port", "80", "--static", "--timeout", "2s"}, args...)...)
			if took := time.Since(start); got != code || took != 2*time.Second {
				t.Errorf("exit code %d after %v, want %d after 2s; it said %q", got, took, code, stderr)
			}
		})
	}
}

// TestHoldSleeps is fault 31: while nothing changes, nothing is looked at.
func TestHoldSleeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{}
		h := hold(t, r)
		synctest.Wait()
		r.set(status(registrar.StateRegistered, time.Now(), nil))
		h.said(t, "registered default/orders/a (10.0.0.7, http:8080/tcp), lease 15s")
		before := r.looks
		time.Sleep(time.Hour) // synctest's clock
		if n := r.looks - before; n > 0 {
			t.Errorf("it looked %d times within an hour in which nothing changed", n)
		}
		h.end(t, syscall.SIGTERM)
	})
}
