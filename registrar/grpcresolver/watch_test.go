package grpcresolver_test

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"
	"github.com/rosterdns/roster/registrar/grpcresolver/internal/grpctest"
	"github.com/rosterdns/roster/registrar/memory"
)

// conn records what a resolver tells, as the IDs of endpoints or "error".
type conn struct {
	resolver.ClientConn

	mu     sync.Mutex
	told   []string
	states []resolver.State
	errs   []error
}

func (c *conn) UpdateState(s resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, e := range s.Endpoints {
		ids = append(ids, grpcresolver.Instance(e).ID)
	}
	c.told = append(c.told, strings.Join(ids, ","))
	c.states = append(c.states, s)
	return errors.New("what a balancer says is no reason to repeat")
}

func (c *conn) ReportError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, "error")
	c.errs = append(c.errs, err)
}

// want waits until nothing goes on, and checks what was told since the last call.
func (c *conn) want(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.told, want) {
		t.Errorf("%s: told %q, want %q", when, c.told, want)
	}
	c.told = nil
}

// wantError checks the last error.
func (c *conn) wantError(t *testing.T, want error) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errs) == 0 || !errors.Is(c.errs[len(c.errs)-1], want) {
		t.Errorf("errors %v, want %v last", c.errs, want)
	}
}

// resolve builds a resolver, which is closed at the end of the test.
func resolve(t *testing.T, client registrar.Watcher, target string) (*conn, resolver.Resolver) {
	t.Helper()
	return build(t, grpcresolver.New(client), target)
}

func build(t *testing.T, builder resolver.Builder, target string) (*conn, resolver.Resolver) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{}
	r, err := builder.Build(resolver.Target{URL: *u}, c, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return c, r
}

func TestStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		a, b := grpctest.Instance("a", "10.0.0.1"), grpctest.Instance("b", "10.0.0.2")
		w.Register(b, a)
		c, r := resolve(t, w.Registry, "roster:///orders")
		c.want(t, "at first", "a,b")
		for _, s := range c.states {
			if s.Addresses != nil || s.ServiceConfig != nil {
				t.Errorf("a state has more than endpoints: %+v", s)
			}
		}
		r.ResolveNow(resolver.ResolveNowOptions{})
		time.Sleep(time.Hour)
		c.want(t, "an hour later")
		b.Weight = 300
		w.Register(b)
		c.want(t, "with another weight", "a,b")
		b.Metadata = map[string]string{"version": "2"}
		w.Register(b)
		c.want(t, "with other metadata", "a,b")
		w.Register(b)
		c.want(t, "registered as it is")
		b.Status = "draining"
		w.Register(b)
		c.want(t, "draining", "a")
		r.Close()
		w.Unregister("a")
		c.want(t, "closed")
	})
}

func TestWithAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		both := grpctest.Instance("b", "10.0.0.2")
		both.Addresses = append(both.Addresses, netip.MustParseAddr("2001:db8::2"))
		w.Register(grpctest.Instance("a", "10.0.0.1"), both)
		c, _ := build(t, grpcresolver.New(w.Registry, grpcresolver.WithAddresses()), "roster:///orders")
		c.want(t, "at first", "a,b")
		want := []resolver.Address{{Addr: "10.0.0.1:9000"}, {Addr: "10.0.0.2:9000"}}
		if got := c.states[0].Addresses; !slices.EqualFunc(got, want, resolver.Address.Equal) {
			t.Errorf("addresses %v, want %v", got, want)
		}
	})
}

// TestIdenticalStates: what changes nothing of the endpoints is not told, as balancers
// would work through it.
func TestIdenticalStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		a, b := grpctest.Instance("a", "10.0.0.1"), grpctest.Instance("b", "10.0.0.2")
		b.Priority = 1
		w.Register(a, b)
		c, _ := resolve(t, w.Registry, "roster:///orders")
		c.want(t, "at first", "a")
		b.Weight = 300
		w.Register(b)
		c.want(t, "another priority changes")
		none := grpctest.Instance("none", "10.0.0.3")
		none.Ports = nil
		w.Register(none)
		c.want(t, "one without a port comes")
		w.Unregister("a")
		c.want(t, "the next priority", "b")
		w.Register(a)
		c.want(t, "the first again", "a")
	})
}

// TestUnusableInstance: one instance that can't be used leaves the others, other than in
// kratos, where one malformed value empties the service.
func TestUnusableInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		udp := grpctest.Instance("u", "10.0.0.3")
		udp.Ports = []registrar.Port{{Name: "grpc", Port: 9000, Protocol: "udp"}}
		w.Register(grpctest.Instance("a", "10.0.0.1"), udp)
		c, _ := resolve(t, w.Registry, "roster:///orders")
		c.want(t, "at first", "a")
		w.Unregister("a")
		c.want(t, "only the unusable one", "", "error")
		c.wantError(t, registrar.ErrNotFound)
	})
}

// TestNoPrefixes: a service whose name starts as another's is another one (kratos PR#1501).
func TestNoPrefixes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		w.Register(grpctest.Instance("a", "10.0.0.1"))
		c, _ := resolve(t, w.Registry, "roster:///order")
		c.want(t, "a prefix of orders", "", "error")
	})
}

// TestSelectors: a target's selectors are those of the library.
func TestSelectors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		canary, down := grpctest.Instance("canary", "10.0.0.1"), grpctest.Instance("down", "10.0.0.2")
		canary.Tags, canary.Locality = []string{"canary"}, "az1"
		down.Status = "down"
		w.Register(canary, down, grpctest.Instance("other", "10.0.0.3"))
		for target, want := range map[string]string{
			"roster:///orders":                       "canary,other",
			"roster://default/orders?tag=canary":     "canary",
			"roster:///default/orders?locality=az1":  "canary",
			"roster:///orders?prefer=az2":            "canary,other",
			"roster:///orders?status=any&port=http":  "canary,down,other",
			"roster:///orders?tag=canary&prefer=az1": "canary",
		} {
			c, _ := resolve(t, w.Registry, target)
			c.want(t, target, want)
		}
	})
}

// TestUnavailable: what is known stays while the registry is away, and an unavailable
// registry is no empty list (nacos-sdk-go#420).
func TestUnavailable(t *testing.T) {
	t.Parallel()
	for _, state := range []memory.State{memory.Stale, memory.Unavailable, memory.Forbidding} {
		t.Run(state.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := grpctest.New(t)
				w.Register(grpctest.Instance("a", "10.0.0.1"))
				c, _ := resolve(t, w.Registry, "roster:///orders")
				c.want(t, "at first", "a")
				w.Store.SetState(state)
				time.Sleep(time.Hour)
				c.want(t, "while it is away")
				w.Store.SetState(memory.Up)
				time.Sleep(time.Minute)
				if synctest.Wait(); len(c.told) > 0 && c.told[len(c.told)-1] != "a" {
					t.Errorf("when it is back: told %q", c.told)
				}
			})
		})
	}
}

// TestUnavailableAtFirst: before anything is known the reason is told, for requests to
// fail with, and what comes later is used (go-zero#2461, go-micro#2144).
func TestUnavailableAtFirst(t *testing.T) {
	t.Parallel()
	for state, want := range map[memory.State]error{
		memory.Unavailable: registrar.ErrUnavailable,
		memory.Forbidding:  registrar.ErrPermission,
	} {
		t.Run(state.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := grpctest.New(t)
				w.Register(grpctest.Instance("a", "10.0.0.1"))
				w.Store.SetState(state)
				c, _ := resolve(t, w.Open(), "roster:///orders")
				time.Sleep(5 * time.Second)
				c.want(t, "at first", "error")
				c.wantError(t, want)
				w.Store.SetState(memory.Up)
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := len(c.told); n == 0 || c.told[n-1] != "a" {
					t.Errorf("when it is there: told %q", c.told)
				}
			})
		})
	}
}

// TestEmptySet: that nobody is left is told at once, and not hidden for ever
// (nacos-sdk-go#695); what comes then is used.
func TestEmptySet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		c, _ := resolve(t, w.Registry, "roster:///orders")
		c.want(t, "at first", "", "error")
		c.wantError(t, registrar.ErrNotFound)
		w.Register(grpctest.Instance("a", "10.0.0.1"))
		c.want(t, "one comes", "a")
		w.Unregister("a")
		c.want(t, "it leaves", "", "error")
		w.Store.SetState(memory.Unavailable)
		time.Sleep(time.Minute)
		c.want(t, "the registry is away")
	})
}

// TestManyChanges: the last of many changes is told (go-micro delivered one of three
// deletes), also of those that come between the first list and the watch (go-zero#227).
func TestManyChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		c, _ := resolve(t, w.Registry, "roster:///orders")
		w.Register(grpctest.Instance("a", "10.0.0.1"), grpctest.Instance("b", "10.0.0.2"), grpctest.Instance("c", "10.0.0.3"), grpctest.Instance("d", "10.0.0.4"))
		synctest.Wait()
		if n := len(c.told); c.told[n-1] != "a,b,c,d" {
			t.Errorf("four came: told %q", c.told)
		}
		w.Unregister("a", "b", "c")
		synctest.Wait()
		if n := len(c.told); c.told[n-1] != "d" {
			t.Errorf("three left: told %q", c.told)
		}
	})
}

// watched counts the watches that go on.
type watched struct {
	registrar.Watcher
	running int
}

func (w *watched) Watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		w.running++
		defer func() { w.running-- }()
		w.Watcher.Watch(ctx, name)(yield)
	}
}

// TestClose: a resolver that is closed has no watch left, other than go-zero#4795 and
// go-micro#631.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		client := &watched{Watcher: w.Registry}
		_, r := resolve(t, client, "roster:///orders")
		synctest.Wait()
		if client.running != 1 {
			t.Errorf("%d watches, want 1", client.running)
		}
		r.Close()
		if client.running != 0 {
			t.Errorf("closed: %d watches", client.running)
		}
	})
}

// constant is a client whose watches yield one thing.
type constant struct {
	service *registrar.Service
	err     error
}

func (c *constant) Watch(ctx context.Context, _ string) iter.Seq2[*registrar.Service, error] {
	service, err := c.service, c.err
	return func(yield func(*registrar.Service, error) bool) {
		if yield(service, err) {
			<-ctx.Done()
		}
	}
}

// TestRemembered: a resolver that is built while the registry is away starts with what an
// earlier one knew, as gRPC closes those of idle connections.
func TestRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &constant{service: &registrar.Service{Instances: []registrar.Instance{grpctest.Instance("a", "10.0.0.1")}}}
		builder := grpcresolver.New(client)
		known := client.service
		// again builds a resolver and closes it.
		again := func(when, target, want string) {
			t.Helper()
			c, r := build(t, builder, target)
			c.want(t, when, want)
			r.Close()
		}
		again("at first", "roster:///orders", "a")
		client.service, client.err = nil, registrar.ErrUnavailable
		time.Sleep(23 * time.Hour)
		again("the registry is away", "roster:///orders", "a")
		again("another port", "roster:///orders?port=admin", "error")
		again("another service", "roster:///others", "error")
		time.Sleep(23 * time.Hour)
		client.service, client.err = known, nil
		again("another service comes", "roster:///others", "a")
		client.service, client.err = nil, registrar.ErrUnavailable
		again("less than a day after the last use", "roster:///orders", "a")
		time.Sleep(25 * time.Hour)
		client.service, client.err = known, nil
		again("another service", "roster:///others", "a")
		client.service, client.err = nil, registrar.ErrUnavailable
		again("a day after the last use", "roster:///orders", "error")
	})
}

// TestLastKnown: what a client knows counts although it may be out of date, as it does from
// a snapshot, but an empty set that may be replaces nothing.
func TestLastKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &constant{&registrar.Service{Instances: []registrar.Instance{grpctest.Instance("a", "10.0.0.1")}}, registrar.ErrUnavailable}
		builder := grpcresolver.New(client)
		c, r := build(t, builder, "roster:///orders")
		c.want(t, "from a snapshot", "a")
		r.Close()
		client.service = &registrar.Service{}
		c, _ = build(t, builder, "roster:///orders")
		c.want(t, "an empty set", "a")
	})
}

// TestClientCloses: connections stay with what they know.
func TestClientCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		w.Register(grpctest.Instance("a", "10.0.0.1"))
		client := w.Open()
		c, _ := resolve(t, client, "roster:///orders")
		c.want(t, "at first", "a")
		_ = client.Close()
		c.want(t, "the client has closed")
		c, _ = resolve(t, client, "roster:///orders")
		c.want(t, "built with a closed client", "error")
		c.wantError(t, registrar.ErrClosed)
	})
}

// registry is a driver that can't watch.
type registry struct{ registrar.Registry }

func (registry) Name() string { return "none" }

func TestUnsupported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := resolve(t, registrar.NewClient(registry{}), "roster:///orders")
		c.want(t, "a driver without Watch", "error")
		c.wantError(t, registrar.ErrUnsupported)
	})
}
