package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

func here(port uint16) []registrar.Instance {
	return []registrar.Instance{{
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")},
		Ports:     []registrar.Port{{Name: "http", Port: port}},
	}}
}

// Two programs that share a registry.
func ExampleWithStore() {
	ctx := context.Background()
	store := memory.NewStore()
	server, err := registrar.Open(ctx, memory.Name, memory.WithStore(store))
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := registrar.Open(ctx, memory.Name, memory.WithStore(store))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := server.Register(ctx, &registrar.Service{Name: "orders", Instances: here(8080)}); err != nil {
		log.Fatal(err)
	}
	orders, err := client.GetService(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(orders.Instances[0].ID)
	// Output: 10-0-0-7-8080
}

// A test of what a program does without its registry.
func ExampleStore_SetState() {
	ctx := context.Background()
	store := memory.NewStore()
	client, err := registrar.Open(ctx, memory.Name, memory.WithStore(store))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Register(ctx, &registrar.Service{Name: "orders", Instances: here(8080)}); err != nil {
		log.Fatal(err)
	}
	if _, err := client.GetService(ctx, "orders"); err != nil {
		log.Fatal(err)
	}

	store.SetState(memory.Unavailable)
	orders, err := client.GetService(ctx, "orders")
	fmt.Println("known before:", len(orders.Instances), "stale:", orders.Stale, err)
	_, err = client.GetService(ctx, "payments")
	fmt.Println("asked for only now, unavailable:", errors.Is(err, registrar.ErrUnavailable))

	store.SetState(memory.Up)
	orders, err = client.GetService(ctx, "orders")
	fmt.Println("again:", len(orders.Instances), "stale:", orders.Stale, err)
	// Output:
	// known before: 1 stale: true <nil>
	// asked for only now, unavailable: true
	// again: 1 stale: false <nil>
}

// A client that is closed, and leaves what it registered.
func ExampleWithLeaveOnClose() {
	ctx := context.Background()
	store := memory.NewStore()
	once, err := registrar.Open(ctx, memory.Name, memory.WithStore(store), memory.WithLeaveOnClose())
	if err != nil {
		log.Fatal(err)
	}
	if err := once.Register(ctx, &registrar.Service{Name: "orders", Instances: here(8080)}); err != nil {
		log.Fatal(err)
	}
	if err := once.Close(); err != nil {
		log.Fatal(err)
	}
	client, err := registrar.Open(ctx, memory.Name, memory.WithStore(store))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	services, err := client.List(ctx, "")
	fmt.Println(services, err)
	// Output: [default/orders] <nil>
}
