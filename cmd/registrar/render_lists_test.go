package main

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

// TestWatchListsAtOnce: a service that is new is listed without any time that passes.
func TestWatchListsAtOnce(t *testing.T) {
	t.Parallel()
	for namespace, want := range map[string]string{
		"default": "|default/orders|default/carts default/orders",
		"":        "|default/orders|default/carts default/orders",
		"none":    "",
	} {
		synctest.Test(t, func(t *testing.T) {
			client, err := registrar.Open(t.Context(), "memory")
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			start := time.Now()
			var sets []string
			register := []string{"orders", "carts"}
			for names, err := range watchLists(client)(t.Context(), namespace) {
				if err != nil || names == nil {
					t.Fatalf("yielded %q, %v", names, err)
				}
				sets = append(sets, strings.Join(names, " "))
				if len(register) == 0 || namespace == "none" {
					break
				}
				s := &registrar.Service{Name: register[0], Instances: []registrar.Instance{{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}}}}
				register = register[1:]
				if err := client.Register(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(sets, "|"); got != want {
				t.Errorf("%q: yielded %q, want %q", namespace, got, want)
			}
			if took := time.Since(start); took > 0 {
				t.Errorf("%q: took %v", namespace, took)
			}
		})
	}
}

// TestWatchListsWithoutRight says what can be done about it.
func TestWatchListsWithoutRight(t *testing.T) {
	t.Parallel()
	store := memory.NewStore()
	store.SetState(memory.Forbidding)
	client, err := registrar.Open(t.Context(), "memory", memory.WithStore(store))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for namespace, hint := range map[string]bool{"": true, "prod": false} {
		for names, err := range watchLists(client)(t.Context(), namespace) {
			if names != nil || err == nil || strings.Contains(err.Error(), `name one, as in services "prod"`) != hint {
				t.Errorf("%q: yielded %q, %v", namespace, names, err)
			}
			break
		}
	}
}

// TestRenderNewService: the file follows services that appear and disappear.
func TestRenderNewService(t *testing.T) {
	t.Parallel()
	s := newShop()
	template, _ := templateFile(t, `{{range services "prod"}}{{.}}:{{len (service .)}} {{end}};`)
	r := s.begin(t, "render", template, "-", "--wait", "1ms")
	r.wrote(t, ";")
	add := func(name string) {
		t.Helper()
		s.do(t, "", exitOK, "register", "prod/"+name, "--id", "a", "--address", "10.0.0.8", "--port", "80", "--static")
	}
	add("orders")
	r.wrote(t, ";prod/orders:1 ;")
	add("carts")
	r.wrote(t, ";prod/orders:1 ;prod/carts:1 prod/orders:1 ;")
	s.do(t, "", exitOK, "unregister", "prod/orders", "a")
	eventually(t, "the service that is gone is left out", func() bool { return strings.HasSuffix(r.stdout.String(), ";prod/carts:1 ;") })
	r.stop(t)
}
