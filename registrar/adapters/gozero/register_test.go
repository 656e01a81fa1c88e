package gozero_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zeromicro/go-zero/core/netx"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/adapters/gozero"
	"github.com/rosterdns/roster/registrar/memory"
)

func TestRegister(t *testing.T) {
	for name, tt := range map[string]struct{ listenOn, podIP, want string }{
		"an address":         {"10.0.0.7:8080", "10.0.0.1", "10.0.0.7:8080"},
		"IPv6":               {"[2001:db8::7]:8080", "", "[2001:db8::7]:8080"},
		"a host":             {"user.example.com:8080", "", "user.example.com:8080"},
		"POD_IP":             {"0.0.0.0:8080", "10.0.0.1", "10.0.0.1:8080"},
		"POD_IP for no host": {":8080", "10.0.0.1", "10.0.0.1:8080"},
		"POD_IP for all":     {"[::]:8080", "2001:db8::1", "[2001:db8::1]:8080"},
		"this machine":       {"0.0.0.0:8080", "", netx.InternalIp() + ":8080"},
	} {
		if tt.want == ":8080" {
			continue // a machine with nothing but its loopback interface
		}
		t.Setenv("POD_IP", tt.podIP)
		client := open(t, memory.NewStore())
		err := gozero.Register(t.Context(), client, "prod/user", tt.listenOn, func(in *registrar.Instance) { in.Tags = []string{"canary"} })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, err := client.GetService(t.Context(), "prod/user?tag=canary")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, _ := s.Instances[0].HostPort("grpc"); got != tt.want {
			t.Errorf("%s: registered at %q, want %q", name, got, tt.want)
		}
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	client := open(t, memory.NewStore())
	for _, tt := range []struct{ name, listenOn, says string }{
		{"user.rpc", "10.0.0.7:8080", "DNS label"},
		{"user?tag=a", "10.0.0.7:8080", "select"},
		{"user", "8080", "missing port"},
		{"user", "10.0.0.7:http", "port"},
		{"user", "10.0.0.7:0", "port"},
	} {
		err := gozero.Register(t.Context(), client, tt.name, tt.listenOn)
		if !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q on %q: %v, want ErrInvalid that says %q", tt.name, tt.listenOn, err, tt.says)
		}
	}
}

// TestNamespace: a name without one is of the client's.
func TestNamespace(t *testing.T) {
	t.Parallel()
	c, err := registrar.Open(t.Context(), memory.Name, registrar.WithNamespace("prod"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := gozero.Register(t.Context(), c, "user", "10.0.0.7:8080"); err != nil {
		t.Fatal(err)
	}
	if names, err := c.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"prod/user"}) {
		t.Errorf("%q, %v", names, err)
	}
}

// TestUnavailableAtStart: a registry that is away neither blocks nor ends a server
// (go-zero#2461), which is registered when it is back.
func TestUnavailableAtStart(t *testing.T) {
	t.Parallel()
	store := memory.NewStore()
	store.SetState(memory.Unavailable)
	client := open(t, store)
	if err := gozero.Register(t.Context(), client, "user", "10.0.0.7:8080"); err != nil {
		t.Fatal(err)
	}
	store.SetState(memory.Up)
	if err := client.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, store).GetService(t.Context(), "user"); err != nil {
		t.Errorf("the registry is back: %v", err)
	}
}

// TestDeletedKey: a key that somebody deletes is written again (go-zero PR#4960).
func TestDeletedKey(t *testing.T) {
	t.Parallel()
	store := memory.NewStore()
	if err := gozero.Register(t.Context(), open(t, store), "user", "10.0.0.7:8080"); err != nil {
		t.Fatal(err)
	}
	other := open(t, store)
	before, err := other.GetService(t.Context(), "user")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Unregister(t.Context(), before.Clone()); err != nil {
		t.Fatal(err)
	}
	for s, err := range other.Watch(t.Context(), "user") {
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Instances) == 1 && s.Revision > before.Revision {
			break
		}
	}
}
