package kratos_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kratos/kratos/v2/registry"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/adapters/kratos"
	"github.com/rosterdns/roster/registrar/memory"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	client := open(t, memory.NewStore())
	r := kratos.New(client, kratos.WithInstance(func(in *registrar.Instance) { in.Tags = []string{"canary"} }))
	from := &registry.ServiceInstance{
		ID: "a", Name: "prod/orders", Version: "1.2.3", Metadata: map[string]string{"region": "eu", "weight": "300"},
		Endpoints: []string{"grpc://10.0.0.7:9000", "http://10.0.0.7:8000?isSecure=true"},
	}
	if err := r.Register(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	service, err := client.GetService(t.Context(), "prod/orders?tag=canary")
	if err != nil {
		t.Fatal(err)
	}
	in := service.Instances[0]
	ports := []registrar.Port{{Name: "grpc", Port: 9000, Protocol: "tcp"}, {Name: "https", Port: 8000, Protocol: "tcp"}}
	if in.ID != "a" || in.Weight != 300 || !slices.Equal(in.Ports, ports) || in.Addresses[0].String() != "10.0.0.7" ||
		!maps.Equal(in.Metadata, map[string]string{"region": "eu", "version": "1.2.3"}) {
		t.Errorf("registered as %+v", in)
	}
	list, err := r.GetService(t.Context(), "prod/orders")
	if err != nil || len(list) != 1 {
		t.Fatalf("GetService: %v, %v", list, err)
	}
	want := &registry.ServiceInstance{
		ID: "a", Name: "orders", Version: "1.2.3", Metadata: map[string]string{"region": "eu", "weight": "300", "version": "1.2.3"},
		Endpoints: []string{"grpc://10.0.0.7:9000", "https://10.0.0.7:8000"},
	}
	if !want.Equal(list[0]) {
		t.Errorf("GetService: %+v, want %+v", list[0], want)
	}
	if err := r.Deregister(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	if list, err := r.GetService(t.Context(), "prod/orders"); err != nil || len(list) > 0 {
		t.Errorf("after Deregister: %v, %v", list, err)
	}
}

// TestSecure: both ways in which kratos says that an endpoint has TLS are one.
func TestSecure(t *testing.T) {
	t.Parallel()
	client := open(t, memory.NewStore())
	in := instance("a")
	in.Name, in.Endpoints = "orders", []string{"grpcs://10.0.0.7:9000?isSecure=true", "http://10.0.0.7:8000?isSecure=true"}
	if err := kratos.New(client).Register(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	orders, err := client.GetService(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if ports := orders.Instances[0].Ports; ports[0].Name != "grpcs" || ports[1].Name != "https" {
		t.Errorf("ports %+v", ports)
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	r := kratos.New(open(t, memory.NewStore()))
	for name, tt := range map[string]struct {
		change func(*registry.ServiceInstance)
		says   string
	}{
		"a name with dots":     {func(in *registry.ServiceInstance) { in.Name = "shop.orders.v1" }, "WithServiceName"},
		"a name in upper case": {func(in *registry.ServiceInstance) { in.Name = "Orders" }, "DNS label"},
		"no name":              {func(in *registry.ServiceInstance) { in.Name = "" }, "DNS label"},
		"a selection":          {func(in *registry.ServiceInstance) { in.Name = "orders?tag=a" }, "select"},
		"an ID with dots":      {func(in *registry.ServiceInstance) { in.ID = "host.example.com" }, "DNS label"},
		"no endpoint":          {func(in *registry.ServiceInstance) { in.Endpoints = nil }, "addresses"},
		"no port":              {func(in *registry.ServiceInstance) { in.Endpoints = []string{"grpc://10.0.0.7"} }, "SCHEME://HOST:PORT"},
		"no host":              {func(in *registry.ServiceInstance) { in.Endpoints = []string{"grpc://:9000"} }, "SCHEME://HOST:PORT"},
		"no URL":               {func(in *registry.ServiceInstance) { in.Endpoints = []string{"grpc://[::1"} }, "no URL"},
		"two hosts": {func(in *registry.ServiceInstance) {
			in.Endpoints = append(in.Endpoints, "http://127.0.0.1:8000")
		}, "another host"},
		"two of a scheme": {func(in *registry.ServiceInstance) {
			in.Endpoints = append(in.Endpoints, "grpc://10.0.0.7:9001")
		}, "ports"},
		"a scheme that is no port name": {func(in *registry.ServiceInstance) { in.Endpoints = []string{"grpc+unix://10.0.0.7:1"} }, "grpc+unix"},
		"metadata":                      {func(in *registry.ServiceInstance) { in.Metadata = map[string]string{"a=b": "c"} }, "metadata"},
	} {
		in := instance("a")
		tt.change(in)
		err := r.Register(t.Context(), in)
		if !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want ErrInvalid that says %q", name, err, tt.says)
		}
	}
	_, getErr := r.GetService(t.Context(), "shop.orders.v1")
	_, watchErr := r.Watch(t.Context(), "shop.orders.v1")
	if !errors.Is(getErr, registrar.ErrInvalid) || !errors.Is(watchErr, registrar.ErrInvalid) {
		t.Errorf("GetService: %v; Watch: %v; want ErrInvalid", getErr, watchErr)
	}
}

func TestServiceName(t *testing.T) {
	t.Parallel()
	client := open(t, memory.NewStore())
	r := kratos.New(client, kratos.WithServiceName(func(name string) string {
		namespace, service, _ := strings.Cut(name, ".")
		return namespace + "/" + service
	}))
	in := instance("a")
	in.Name = "shop.orders"
	if err := r.Register(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetService(t.Context(), "shop/orders"); err != nil {
		t.Error(err)
	}
	if list, err := r.GetService(t.Context(), "shop.orders"); err != nil || len(list) != 1 || list[0].Name != "shop.orders" {
		t.Errorf("GetService: %v, %v", list, err)
	}
}

// TestOtherInstances: those that others registered are found by what they have, and one that
// kratos can't use leaves the rest, other than in its own registries, where a malformed value
// empties the service.
func TestOtherInstances(t *testing.T) {
	t.Parallel()
	client := open(t, memory.NewStore())
	err := client.Register(t.Context(), &registrar.Service{Name: "orders", Instances: []registrar.Instance{
		{ID: "a", Host: "orders.example.com", Ports: []registrar.Port{{Name: "grpc", Port: 443, Protocol: "udp"}, {Name: "grpc", Port: 9000}, {Port: 80}}},
		{ID: "b", Host: "orders.example.com", Ports: []registrar.Port{{Name: "grpc", Port: 9000, Protocol: "udp"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := kratos.New(client).GetService(t.Context(), "orders")
	if err != nil || len(list) != 2 || !slices.Equal(list[0].Endpoints, []string{"grpc://orders.example.com:9000"}) || len(list[1].Endpoints) > 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if list[0].Metadata["weight"] != "100" || list[0].Version != "" {
		t.Errorf("%+v", list[0])
	}
	// hello must not match helloworld (kratos PR#1501).
	if list, err := kratos.New(client).GetService(t.Context(), "order"); err != nil || len(list) > 0 {
		t.Errorf("a prefix of the name: %v, %v", list, err)
	}
}

// TestUnavailableAtStart: a registry that is away neither blocks nor fails the start of an
// application (go-micro#2144), and has it when it is back.
func TestUnavailableAtStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		store.SetState(memory.Unavailable)
		start := time.Now()
		if err := kratos.New(open(t, store)).Register(t.Context(), instance("a")); err != nil || time.Since(start) > time.Second {
			t.Fatalf("Register: %v after %v", err, time.Since(start))
		}
		time.Sleep(time.Hour)
		store.SetState(memory.Up)
		time.Sleep(time.Minute)
		if list, err := kratos.New(open(t, store)).GetService(t.Context(), "orders"); err != nil || len(list) != 1 {
			t.Errorf("when it is back: %v, %v", list, err)
		}
	})
}

// TestLeaseLost: an instance whose lease has run out is back by itself, however long the
// registry was away (kratos#3883 gives up).
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		if err := kratos.New(open(t, store)).Register(t.Context(), instance("a")); err != nil {
			t.Fatal(err)
		}
		store.SetState(memory.Unavailable)
		time.Sleep(time.Hour)
		store.SetState(memory.Up)
		time.Sleep(time.Minute)
		if list, err := kratos.New(open(t, store)).GetService(t.Context(), "orders"); err != nil || len(list) != 1 {
			t.Errorf("when the registry is back: %v, %v", list, err)
		}
	})
}
