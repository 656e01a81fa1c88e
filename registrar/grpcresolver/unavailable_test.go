package grpcresolver_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"
	"github.com/rosterdns/roster/registrar/grpcresolver/internal/grpctest"
	"github.com/rosterdns/roster/registrar/memory"
)

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

// TestForgotten: what is remembered is not used after a day, also where nothing else was
// remembered since, nor after the registry has said that nobody is there.
func TestForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known := &registrar.Service{Instances: []registrar.Instance{grpctest.Instance("a", "10.0.0.1")}}
		client := &constant{}
		builder := grpcresolver.New(client)
		again := func(when string, service *registrar.Service, err error, want ...string) {
			t.Helper()
			client.service, client.err = service, err
			c, r := build(t, builder, "roster:///orders")
			c.want(t, when, want...)
			r.Close()
		}
		again("at first", known, nil, "a")
		time.Sleep(25 * time.Hour)
		again("after a day", nil, registrar.ErrUnavailable, "error")
		again("once more", known, nil, "a")
		again("nobody is there", &registrar.Service{}, nil, "", "error")
		again("after that", nil, registrar.ErrUnavailable, "error")
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
