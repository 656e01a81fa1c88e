package grpcresolver_test

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"
	"github.com/rosterdns/roster/registrar/grpcresolver/internal/grpctest"
	"github.com/rosterdns/roster/registrar/memory"
)

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

// TestEmptySet: that nobody is left is told at once, and never hidden
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
