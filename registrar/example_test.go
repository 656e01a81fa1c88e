package registrar_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/rosterdns/roster/registrar"

	_ "github.com/rosterdns/roster/registrar/etcd"
	_ "github.com/rosterdns/roster/registrar/memory"
)

// A program that registers itself and finds others, here in a registry of its
// own.
func Example() {
	ctx := context.Background()
	client, err := registrar.Open(ctx, "memory")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	err = client.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{{
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")},
		Ports:     []registrar.Port{{Name: "http", Port: 8080}},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	orders, err := client.GetService(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	for _, in := range orders.Instances {
		fmt.Println(in.ID, in.Addresses[0], in.Ports[0].Port)
	}
	// Output: 10-0-0-7-8080 10.0.0.7 8080
}

// With etcd the same program works across processes and machines, and DNS
// answers with what it has registered.
func ExampleOpen() {
	ctx := context.Background()
	client, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	here := registrar.Instance{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}, Ports: []registrar.Port{{Name: "http", Port: 8080}}}
	if err := client.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{here}}); err != nil {
		log.Fatal(err)
	}
	if payments, err := client.GetService(ctx, "payments"); err == nil {
		fmt.Println("payments runs at", payments.Instances[0].Addresses)
	}
}
