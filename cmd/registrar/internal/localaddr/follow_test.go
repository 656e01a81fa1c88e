package localaddr

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// fakeMachine is a machine whose addresses a test changes.
type fakeMachine struct {
	changes chan struct{}

	mu        sync.Mutex
	addresses map[string][]netip.Addr // by interface; "" for those towards endpoints
	looks     int
}

func newFakeMachine() *fakeMachine {
	return &fakeMachine{changes: make(chan struct{}), addresses: map[string][]netip.Addr{}}
}

func (m *fakeMachine) machine() Machine {
	return Machine{
		Lookup: func(_ context.Context, name string, _ ...string) ([]netip.Addr, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.looks++
			found := m.addresses[name]
			if len(found) == 0 {
				return nil, fmt.Errorf("look %d: %w", m.looks, registrar.ErrUnavailable)
			}
			return found, nil
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

// has changes the addresses of an interface, and tells of it if told.
func (m *fakeMachine) has(name string, told bool, addresses ...string) {
	parsed := make([]netip.Addr, len(addresses))
	for i, a := range addresses {
		parsed[i] = netip.MustParseAddr(a)
	}
	m.mu.Lock()
	m.addresses[name] = parsed
	m.mu.Unlock()
	if told {
		m.changes <- struct{}{}
	}
	synctest.Wait()
}

func (m *fakeMachine) looked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.looks
}

// following is a Follow under way.
type following struct{ reports []string }

func follow(t *testing.T, m *fakeMachine, specs ...string) *following {
	t.Helper()
	s, err := m.machine().Source(specs, []string{"http://127.0.0.1:2379"})
	if err != nil {
		t.Fatal(err)
	}
	f := &following{}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		s.Follow(ctx, func(found Found) {
			f.reports = append(f.reports, fmt.Sprintf("%v, %d missing", found.Addresses, len(found.Missing)))
		})
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	synctest.Wait()
	return f
}

// reported fails unless there was exactly this since the last call.
func (f *following) reported(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := strings.Join(f.reports, "; "); got != strings.Join(want, "; ") {
		t.Errorf("reported %q, want %q", got, want)
	}
	f.reports = nil
}

// TestFollowDHCP is fault 24: the address of an interface changes.
func TestFollowDHCP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine()
		m.has("d0", false, "10.0.0.7")
		f := follow(t, m, "iface:d0")
		f.reported(t, "[10.0.0.7], 0 missing")
		m.has("d0", true, "10.0.0.7") // a change of something else
		f.reported(t)
		m.has("d0", true, "10.0.0.8")
		f.reported(t, "[10.0.0.8], 0 missing")
		m.has("d0", true)
		f.reported(t, "[], 1 missing")
		m.has("d0", true, "10.0.0.9", "2001:db8::9")
		f.reported(t, "[10.0.0.9 2001:db8::9], 0 missing")
	})
}

// TestFollowRoute: the source address towards the endpoint follows the route.
func TestFollowRoute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine()
		m.has("", false, "10.0.0.7")
		f := follow(t, m)
		f.reported(t, "[10.0.0.7], 0 missing")
		m.has("", true, "192.168.1.7")
		f.reported(t, "[192.168.1.7], 0 missing")
	})
}

// TestFollowPart: what is missing doesn't hold up the rest.
func TestFollowPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine()
		m.has("d0", false, "10.0.0.7")
		f := follow(t, m, "iface:d0", "iface:d1")
		f.reported(t, "[10.0.0.7], 1 missing")
		m.has("d1", true, "10.1.0.7")
		f.reported(t, "[10.0.0.7 10.1.0.7], 0 missing")
	})
}

// TestFollowWithoutNews: nobody tells when a name can be resolved.
func TestFollowWithoutNews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine()
		f := follow(t, m)
		time.Sleep(time.Minute) // synctest's clock
		f.reported(t, "[], 1 missing")
		if n := m.looked(); n > 15 {
			t.Errorf("looked %d times within a minute", n)
		}
		m.has("", false, "10.0.0.7")
		time.Sleep(retryLimit) // synctest's clock
		f.reported(t, "[10.0.0.7], 0 missing")
		before := m.looked()
		time.Sleep(time.Hour) // synctest's clock
		if n := m.looked() - before; n > 0 {
			t.Errorf("looked %d times within an hour in which nothing changed", n)
		}
	})
}

func TestAwait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine()
		s, err := m.machine().Source([]string{"iface:d0"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		waits := 0
		waiting := func(err error) {
			waits++
			if !strings.Contains(err.Error(), `--address "iface:d0": look 1: unavailable`) {
				t.Errorf("it waits because %v", err)
			}
		}
		time.AfterFunc(3*time.Second, func() { m.has("d0", false, "10.0.0.7") })
		found, err := s.Await(t.Context(), waiting)
		if err != nil || len(found.Addresses) != 1 || waits != 1 {
			t.Errorf("found %v, error %v after %d waits; want the address after one", found, err, waits)
		}
	})
}

func TestAwaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := newFakeMachine().machine().Source(nil, []string{"http://127.0.0.1:2379"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err = s.Await(ctx, func(error) {})
		if !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want why there is no address, and the context's", err)
		}
	})
}

func TestPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second)
		defer cancel()
		n := 0
		poll(ctx, func() { n++ })
		if want := 1 + int(time.Minute/pollEvery); n != want {
			t.Errorf("%d looks within a minute, want %d", n, want)
		}
	})
}
