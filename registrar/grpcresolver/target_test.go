package grpcresolver

import (
	"errors"
	"net/url"
	"testing"

	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
)

func TestTarget(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]target{
		"roster:///orders":                              {"orders", "", "orders.roster"},
		"roster:orders":                                 {"orders", "", "orders.roster"},
		"roster:///prod/orders":                         {"prod/orders", "", "orders.prod.roster"},
		"roster://prod/orders":                          {"prod/orders", "", "orders.prod.roster"},
		"roster:///orders?port=admin":                   {"orders", "admin", "orders.roster"},
		"roster:///prod/orders?tag=x&locality=az1":      {"prod/orders?tag=x&locality=az1", "", "orders.prod.roster"},
		"roster://prod/orders?tag=x&port=grpc-2&tag=y":  {"prod/orders?tag=x&tag=y", "grpc-2", "orders.prod.roster"},
		"roster:orders?prefer=az1&status=any&port=grpc": {"orders?prefer=az1&status=any", "grpc", "orders.roster"},
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseTarget(u)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
		if a := (&builder{}).OverrideAuthority(resolver.Target{URL: *u}); a != want.authority {
			t.Errorf("%s: authority %q, want %q", raw, a, want.authority)
		}
	}
}

func TestInvalidTarget(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"roster:///",
		"roster:///Orders",
		"roster:///orders/",
		"roster:///a/b/c",
		"roster://prod/a/b",
		"roster://prod:80/orders",
		"roster://prod/",
		"roster://user@prod/orders",
		"roster:///orders#part",
		"roster:///orders%3Ftag=x",
		"roster:///orders?tag=X",
		"roster:///orders?color=red",
		"roster:///orders?port",
		"roster:///orders?port=",
		"roster:///orders?port=8080",
		"roster:///orders?port=a&port=b",
		"roster:///orders?&",
		"roster:///dns/orders",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		target := resolver.Target{URL: *u}
		if _, err := New(nil).Build(target, nil, resolver.BuildOptions{}); !errors.Is(err, registrar.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", raw, err)
		}
		if a := (&builder{}).OverrideAuthority(target); a != "roster" {
			t.Errorf("%s: authority %q", raw, a)
		}
	}
}
