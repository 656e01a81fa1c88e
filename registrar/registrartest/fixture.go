package registrartest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// OpenFunc returns a new client of one and the same registry with each call,
// with the options applied besides its own. The suite sets WithNamespace, so
// that its tests don't meet; it closes the client, and a client that was closed
// before takes no harm. It fails the test where it can't open one.
type OpenFunc func(t *testing.T, opts ...registrar.Option) *registrar.Client

// fixtures numbers namespaces within a process; with the time a rerun against
// the same registry finds nothing of the run before.
var fixtures atomic.Int64

// fixture is a namespace for one test.
type fixture struct {
	open, write OpenFunc
	namespace   string
}

func newFixture(t *testing.T, open, write OpenFunc) *fixture {
	t.Helper()
	return &fixture{open: open, write: write, namespace: fmt.Sprintf("t%d-%d", time.Now().UnixNano(), fixtures.Add(1))}
}

// client opens a client of the driver, with the fixture's namespace.
func (f *fixture) client(t *testing.T, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	return f.opened(t, f.open, opts)
}

// writer opens a client that writes, of whichever driver, with the fixture's
// namespace.
func (f *fixture) writer(t *testing.T) *registrar.Client {
	t.Helper()
	return f.opened(t, f.write, nil)
}

func (f *fixture) opened(t *testing.T, open OpenFunc, opts []registrar.Option) *registrar.Client {
	t.Helper()
	c := open(t, append([]registrar.Option{registrar.WithNamespace(f.namespace)}, opts...)...)
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !is(err, registrar.ErrUnsupported) {
			t.Errorf("closing at the end: %v", err)
		}
	})
	return c
}

// poll is how often a condition is looked at.
const poll = 5 * time.Millisecond

// eventually waits until check returns "", or fails with what it returned last.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for end := time.Now().Add(deadline); ; <-tick.C {
		complaint := check()
		if complaint == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v: %s", deadline, complaint)
		}
	}
}

// sees waits until the client gets exactly the instances with the IDs.
func sees(t *testing.T, c *registrar.Client, name string, want ...string) *registrar.Service {
	t.Helper()
	var s *registrar.Service
	eventually(t, func() string {
		var err error
		if s, err = c.GetService(t.Context(), name); err != nil {
			return fmt.Sprintf("GetService(%q): %v", name, err)
		}
		if got := ids(s); !slices.Equal(got, want) {
			return fmt.Sprintf("GetService(%q) has %q, want %q", name, got, want)
		}
		return ""
	})
	return s
}

// misses waits until the client finds no such service.
func misses(t *testing.T, c *registrar.Client, name string) {
	t.Helper()
	eventually(t, func() string {
		s, err := c.GetService(t.Context(), name)
		if is(err, registrar.ErrNotFound) && s == nil {
			return ""
		}
		return fmt.Sprintf("GetService(%q) = %v, %v, want ErrNotFound", name, s, err)
	})
}

// state waits until the client says that the instance is in the state.
func state(t *testing.T, c *registrar.Client, id string, want registrar.State) registrar.InstanceStatus {
	t.Helper()
	var found registrar.InstanceStatus
	eventually(t, func() string {
		found = registrar.InstanceStatus{}
		for _, st := range c.Status() {
			if st.ID == id {
				found = st
			}
		}
		if found.State != want {
			return fmt.Sprintf("instance %q is %+v, want %q", id, found, want)
		}
		return ""
	})
	return found
}

func ids(s *registrar.Service) []string {
	var out []string
	for _, in := range s.Instances {
		out = append(out, in.ID)
	}
	return out
}

// service returns a service with an instance for each ID.
func service(name string, ids ...string) *registrar.Service {
	s := &registrar.Service{Name: name}
	for i, id := range ids {
		s.Instances = append(s.Instances, instance(id, i+1))
	}
	return s
}

// instance returns an instance with an address and a port of its own.
func instance(id string, n int) registrar.Instance {
	return registrar.Instance{
		ID:        id,
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})},
		Ports:     []registrar.Port{{Name: "http", Port: uint16(8080 + n), Protocol: "tcp"}},
	}
}

func register(t *testing.T, c *registrar.Client, s *registrar.Service) {
	t.Helper()
	if err := c.Register(t.Context(), s); err != nil {
		t.Fatalf("Register(%s): %v", s.Name, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := c.Wait(ctx); err != nil {
		t.Fatalf("Wait: %v", err)
	}
}

func unregister(t *testing.T, c *registrar.Client, s *registrar.Service) {
	t.Helper()
	if err := c.Unregister(t.Context(), s); err != nil {
		t.Fatalf("Unregister(%s): %v", s.Name, err)
	}
}

// wantErr checks an error by errors.Is, and that it says something.
func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func is(err, target error) bool { return errors.Is(err, target) }
