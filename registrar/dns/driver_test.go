package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

const (
	// ordersAsked is the question for the members of the service orders.
	ordersAsked = "orders.default.svc.internal. SRV"
	ttl         = 5 * time.Second // of the tests' records
)

// TestRenewal: a service is looked up once in a TTL, whoever asks, and calls do no I/O.
func TestRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		first, err := c.GetService(t.Context(), "orders")
		if err != nil || first.Namespace != "default" || first.Name != "orders" || first.Revision != 1 || first.Stale {
			t.Fatalf("got %+v, %v", first, err)
		}
		n.count(ordersAsked)
		for range 60 {
			time.Sleep(time.Second)
			if s, err := c.GetService(t.Context(), "orders"); err != nil || s != first {
				t.Fatalf("an unchanged service is %p, %v, want the same result %p", s, err, first)
			}
		}
		if asked := n.count(ordersAsked); asked < 12 || asked > 14 {
			t.Errorf("asked %d times in a minute, want once in 4.5 to 5 s", asked)
		}
		n.set(t, orders[0], orders[2], orders[3], orders[5])
		time.Sleep(ttl)
		second, err := c.GetService(t.Context(), "orders")
		if err != nil || len(second.Instances) != 1 || second.Revision != 2 || len(first.Instances) != 2 {
			t.Errorf("after a change: %+v, %v", second, err)
		}
	})
}

// TestShortTTL: a TTL of 0 doesn't mean a question without end.
func TestShortTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "orders.default 0 SRV 0 100 8080 a.orders.default", "a.orders.default 0 A 10.0.0.1")
		c := open(t, n)
		if _, err := c.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute + time.Millisecond)
		if asked := n.count(ordersAsked); asked != 61 {
			t.Errorf("asked %d times in a minute, want 61", asked)
		}
	})
}

// TestOneLookupAtOnce: however many ask, and however long it takes.
func TestOneLookupAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		n.edit(func(s *server) {
			s.wait = func(context.Context, dns.Question) error { time.Sleep(100 * time.Millisecond); return nil }
		})
		c := open(t, n)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.GetService(t.Context(), "orders"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n.most != 1 {
			t.Errorf("%d lookups at once", n.most)
		}
	})
}

// TestFailures: before the first answer ErrUnavailable, and afterwards what was known.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(n *network){
		"SERVFAIL": func(n *network) { n.fail(dns.RcodeServerFailure) },
		"REFUSED":  func(n *network) { n.fail(dns.RcodeRefused) },
		"silence":  func(n *network) { n.edit(func(s *server) { s.wait = silence }) },
		"half a set": func(n *network) {
			n.edit(func(s *server) {
				s.wait = func(_ context.Context, q dns.Question) error {
					if strings.HasPrefix(q.Name, "_http.") {
						return errors.New("connection refused")
					}
					return nil
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, orders...)
				fail(n)
				c := open(t, n)
				get := func(want error, stale bool, wait time.Duration) {
					t.Helper()
					start := time.Now()
					s, err := c.GetService(t.Context(), "orders")
					if took := time.Since(start); !errors.Is(err, want) || err == nil && s.Stale != stale || took > wait {
						t.Errorf("got %+v, %v after %v, want %v, stale: %t", s, err, took, want, stale)
					}
				}
				get(registrar.ErrUnavailable, false, firstWait)
				get(registrar.ErrUnavailable, false, 0)
				time.Sleep(time.Minute)
				get(registrar.ErrUnavailable, false, 0)
				n.recover()
				time.Sleep(retryLast + 3*time.Second)
				get(nil, false, 0)
				fail(n)
				time.Sleep(time.Minute)
				get(nil, true, 0)
				time.Sleep(24 * time.Hour)
				get(nil, true, 0)
				n.recover()
				time.Sleep(retryLast + 3*time.Second)
				get(nil, false, 0)
			})
		})
	}
}

// TestRetries: they become rare, and begin anew after an answer.
func TestRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		n.fail(dns.RcodeServerFailure)
		c := open(t, n)
		_, _ = c.GetService(t.Context(), "orders")
		n.count(ordersAsked)
		time.Sleep(5 * time.Minute)
		if asked := n.count(ordersAsked); asked < 30 || asked > 65 {
			t.Errorf("asked %d times in five minutes, want once in 5 to 10 s", asked)
		}
		n.recover()
		time.Sleep(retryLast)
		n.fail(dns.RcodeServerFailure)
		n.count(ordersAsked)
		time.Sleep(ttl + 7*time.Second) // until a renewal, and three retries: 1, 2 and 4 s at most
		if asked := n.count(ordersAsked); asked < 4 {
			t.Errorf("asked %d times, want a renewal and three retries", asked)
		}
	})
}

// TestContactWithoutTCP: a server that answers by UDP alone is heard of, though what it says
// is of no use.
func TestContactWithoutTCP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		n.edit(func(s *server) {
			s.change = func(network string, m *dns.Msg) error {
				m.Truncated = true
				if network == "tcp" {
					return errors.New("connection refused")
				}
				return nil
			}
		})
		var o observer
		c := open(t, n, registrar.WithObserver(&o))
		_, err := c.GetService(t.Context(), "orders")
		if !errors.Is(err, registrar.ErrUnavailable) || !strings.Contains(err.Error(), "TCP") {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
		o.mu.Lock()
		defer o.mu.Unlock()
		if !slices.Equal(o.contacts, []bool{true}) {
			t.Errorf("told of contact: %v", o.contacts)
		}
	})
}

// TestNotFound: that there is nothing is an answer, which stays when DNS fails.
func TestNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "others.default A 10.0.0.1")
		c := open(t, n)
		for range 2 {
			if _, err := c.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrNotFound) || !strings.Contains(err.Error(), "default/orders") {
				t.Errorf("got %v, want ErrNotFound", err)
			}
			n.fail(dns.RcodeServerFailure)
			time.Sleep(ttl)
		}
	})
}

// TestServerIsStale: a server that has lost its registry says so.
func TestServerIsStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		if s, err := c.GetService(t.Context(), "orders"); err != nil || s.Stale {
			t.Fatalf("got %+v, %v", s, err)
		}
		n.edit(func(s *server) {
			s.change = func(_ string, m *dns.Msg) error { extended(m, dns.ExtendedErrorCodeStaleAnswer, ""); return nil }
		})
		time.Sleep(ttl)
		if s, err := c.GetService(t.Context(), "orders"); err != nil || !s.Stale {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}

// TestContextEndsTheWait: with its error, and ErrUnavailable unless DNS answers.
func TestContextEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		n.edit(func(s *server) { s.wait = silence })
		c := open(t, n)
		brief := func(name string) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_, err := c.GetService(ctx, name)
			return err
		}
		if err := brief("orders"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("without contact: %v", err)
		}
		n.recover()
		time.Sleep(time.Minute)
		n.edit(func(s *server) { s.wait = silence })
		if err := brief("others"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("in contact: %v", err)
		}
	})
}

// names returns how many names a client renews.
func names(c *registrar.Client) int {
	cache := c.Registry.(*driver).parts.Load().cache
	cache.mu.Lock()
	defer cache.mu.Unlock()
	return cache.count
}

// TestIdle: what nobody asks for is dropped, what is watched is not.
func TestIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		get := func() {
			t.Helper()
			if _, err := c.GetService(t.Context(), "orders"); err != nil {
				t.Fatal(err)
			}
		}
		asked := func(want bool) {
			t.Helper()
			n.count(ordersAsked)
			time.Sleep(time.Minute)
			if got := n.count(ordersAsked); (got > 0) != want {
				t.Errorf("asked %d times in a minute", got)
			}
		}
		get()
		time.Sleep(idleAfter - 2*time.Minute)
		asked(true)
		time.Sleep(2 * time.Minute)
		asked(false)
		get()
		asked(true)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, err := range c.Watch(ctx, "orders") {
				if err != nil {
					t.Error(err)
				}
			}
		}()
		time.Sleep(3 * idleAfter)
		asked(true)
		cancel()
		<-done
		time.Sleep(idleAfter - 2*time.Minute)
		asked(true)
		time.Sleep(2 * time.Minute)
		asked(false)
		if count := names(c); count != 0 {
			t.Errorf("%d names are left", count)
		}
	})
}

// TestIdleWhileFailing: what is known stays while it couldn't be asked again.
func TestIdleWhileFailing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		if _, err := c.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		n.fail(dns.RcodeServerFailure)
		if _, err := c.GetService(t.Context(), "others"); !errors.Is(err, registrar.ErrUnavailable) {
			t.Fatal(err)
		}
		time.Sleep(2 * idleAfter)
		if s, err := c.GetService(t.Context(), "orders"); err != nil || !s.Stale {
			t.Errorf("got %+v, %v", s, err)
		}
		if count := names(c); count != 1 {
			t.Errorf("%d names are renewed: of the other one nothing is known", count)
		}
	})
}

// TestTooManyNames: the number of names is bounded, and a Watch begins once there is room.
func TestTooManyNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		c.Registry.(*driver).parts.Load().cache.count = maxNames - 1
		if _, err := c.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		_, err := c.GetService(t.Context(), "default/orders")
		if !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, errTooMany) {
			t.Errorf("got %v", err)
		}
		var got []string
		for s, err := range c.Watch(t.Context(), "default/orders") {
			if got = append(got, fmt.Sprint(len(shownAll(s)), errors.Is(err, errTooMany))); len(got) == 2 {
				break
			}
		}
		if !slices.Equal(got, []string{"0 true", "2 false"}) {
			t.Errorf("the Watch yielded %q", got)
		}
	})
}

// TestReadOnly: what DNS can't do is unsupported.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	c := open(t, newNetwork(t))
	service := &registrar.Service{Name: "orders"}
	_, getErr := c.GetService(t.Context(), "orders?status=any")
	_, listErr := c.List(t.Context(), "")
	for name, err := range map[string]error{
		"Register": c.Register(t.Context(), service), "Unregister": c.Unregister(t.Context(), service), "Wait": c.Wait(t.Context()),
		"Drain": c.Drain(t.Context(), service, ""), "Undrain": c.Undrain(t.Context(), service), "List": listErr, "any status": getErr,
	} {
		if !errors.Is(err, registrar.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
	for s, err := range c.Watch(t.Context(), "orders?status=any") {
		if s != nil || !errors.Is(err, registrar.ErrUnsupported) {
			t.Errorf("Watch: %v, %v", s, err)
		}
	}
	for names, err := range c.WatchList(t.Context(), "") {
		if names != nil || !errors.Is(err, registrar.ErrUnsupported) {
			t.Errorf("WatchList: %v, %v", names, err)
		}
	}
	if st := c.Status(); st != nil {
		t.Errorf("Status: %v", st)
	}
}

func TestBeforeInitAndAfterClose(t *testing.T) {
	t.Parallel()
	c := registrar.NewClient(New())
	check := func(want error, says string) {
		t.Helper()
		_, err := c.GetService(t.Context(), "orders")
		if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
			t.Errorf("GetService: %v", err)
		}
		rounds := 0
		for s, err := range c.Watch(t.Context(), "orders") {
			if rounds++; s != nil || !errors.Is(err, want) {
				t.Errorf("Watch: %v, %v", s, err)
			}
		}
		if rounds != 1 {
			t.Errorf("Watch yielded %d times", rounds)
		}
	}
	check(registrar.ErrInvalid, "Init")
	if err := c.Init(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	if err := c.Init(t.Context(), quiet); !errors.Is(err, registrar.ErrInvalid) {
		t.Errorf("a second Init: %v", err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	check(registrar.ErrClosed, "closed")
	if err := c.Init(t.Context()); !errors.Is(err, registrar.ErrClosed) {
		t.Errorf("Init after Close: %v", err)
	}
	c = registrar.NewClient(New())
	if err := c.Close(); err != nil {
		t.Errorf("Close before Init: %v", err)
	}
	check(registrar.ErrClosed, "closed")
}

// TestCloseDuringLookup: Close waits for no server.
func TestCloseDuringLookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		n.edit(func(s *server) { s.wait = silence })
		c := open(t, n)
		got := make(chan error, 1)
		go func() {
			_, err := c.GetService(t.Context(), "orders")
			got <- err
		}()
		synctest.Wait()
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) > 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		if err := <-got; !errors.Is(err, registrar.ErrClosed) {
			t.Errorf("GetService: %v, want ErrClosed", err)
		}
	})
}

// TestWarnsOnce: of a service that can't be renewed, when that begins.
func TestWarnsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lines
		n := newNetwork(t, orders...)
		c := open(t, n, registrar.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		if _, err := c.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		n.fail(dns.RcodeServerFailure)
		time.Sleep(time.Hour)
		if got := out.all(); len(got) != 1 || !strings.Contains(got[0], "level=WARN") || !strings.Contains(got[0], "key=orders") || !strings.Contains(got[0], "SERVFAIL") {
			t.Errorf("logged %q", got)
		}
	})
}

// lines is what is written, by lines.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(p))
	return len(p), nil
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.text)
}

// observer notes what it is told.
type observer struct {
	mu       sync.Mutex
	lookups  []registrar.Lookup
	requests []registrar.Request
	contacts []bool
}

func (o *observer) Looked(l registrar.Lookup) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lookups = append(o.lookups, l)
}

func (o *observer) Requested(r registrar.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests = append(o.requests, r)
}

func (o *observer) Registered(registrar.InstanceStatus) {}

func (o *observer) Contacted(inContact bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.contacts = append(o.contacts, inContact)
}

// TestObserver: it is told of lookups, of each question, and when contact comes and goes.
func TestObserver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		n.edit(func(s *server) {
			s.wait = func(context.Context, dns.Question) error { time.Sleep(100 * time.Millisecond); return nil }
		})
		var o observer
		c := open(t, n, registrar.WithObserver(&o))
		for range 2 {
			if _, err := c.GetService(t.Context(), "orders"); err != nil {
				t.Fatal(err)
			}
		}
		n.fail(dns.RcodeServerFailure) // which is contact
		time.Sleep(time.Minute)
		_, _ = c.GetService(t.Context(), "orders")
		n.edit(func(s *server) { s.wait = silence })
		time.Sleep(time.Minute)
		n.recover()
		time.Sleep(time.Minute)
		o.mu.Lock()
		defer o.mu.Unlock()
		first, second, third := o.lookups[0], o.lookups[1], o.lookups[2]
		if first != (registrar.Lookup{Name: "orders", Waited: 300 * time.Millisecond}) || second != (registrar.Lookup{Name: "orders"}) || !third.Stale {
			t.Errorf("told of lookups: %+v", o.lookups)
		}
		if r := o.requests[0]; r.Operation != registrar.OperationRead || r.Duration != 100*time.Millisecond || r.Err != nil || o.requests[3].Err == nil {
			t.Errorf("told of requests: %+v", o.requests[:4])
		}
		if !slices.Equal(o.contacts, []bool{true, false, true}) {
			t.Errorf("told of contact: %v", o.contacts)
		}
	})
}
