package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	"github.com/rosterdns/roster/catalog"
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
		address, _ := in.AddrPort("http")
		fmt.Println(in.ID, address)
	}
	// Output: 10-0-0-7-8080 10.0.0.7:8080
}

// A server from its start to SIGTERM, which works with etcd across processes and
// machines, and in DNS. Deferred calls run in any case, so that it is unregistered at
// its end.
func ExampleOpen() {
	run := func() error {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		client, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"), registrar.WithNamespace("prod"))
		if err != nil {
			return err
		}
		defer client.Close()
		here := registrar.Instance{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}, Ports: []registrar.Port{{Name: "http", Port: 8080}}}
		if err := client.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{here}}); err != nil {
			return err // here is invalid; that etcd is away is no error
		}
		<-ctx.Done() // serve meanwhile
		return nil
	}
	if err := run(); err != nil {
		log.Print(err)
	}
}

// open returns a client of a registry of its own with three instances in two
// localities, of which one is tagged.
func open() *registrar.Client {
	client, err := registrar.Open(context.Background(), "memory")
	if err != nil {
		log.Fatal(err)
	}
	orders := &registrar.Service{Name: "orders"}
	for i, locality := range []string{"az1", "az1", "az2"} {
		orders.Instances = append(orders.Instances, registrar.Instance{
			ID: string(rune('a' + i)), Locality: locality,
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})}, Ports: []registrar.Port{{Name: "http", Port: 8080}},
		})
	}
	orders.Instances[0].Tags = []string{"canary"}
	if err := client.Register(context.Background(), orders); err != nil {
		log.Fatal(err)
	}
	return client
}

func ids(s *registrar.Service) (list []string) {
	for _, in := range s.Instances {
		list = append(list, in.ID)
	}
	return list
}

// Names with selectors.
func ExampleClient_getService() {
	client := open()
	defer client.Close()
	for _, name := range []string{"orders", "orders?tag=canary", "orders?locality=az2", "default/orders?prefer=az3", "orders?tag=blue"} {
		orders, err := client.GetService(context.Background(), name)
		switch {
		case errors.Is(err, registrar.ErrNotFound):
			fmt.Println(name, "has none")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(name, ids(orders))
		}
	}
	// Output:
	// orders [a b c]
	// orders?tag=canary [a]
	// orders?locality=az2 [c]
	// default/orders?prefer=az3 [a b c]
	// orders?tag=blue has none
}

// A loop over the sets of a service, which ends with its context.
func ExampleClient_Watch() {
	client := open()
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for orders, err := range client.Watch(ctx, "orders") {
		if err != nil {
			log.Print(err) // the backend is away: orders, if any, is the last set that is known
			continue
		}
		fmt.Println(ids(orders))
		if len(orders.Instances) == 0 {
			break
		}
		if err := client.Unregister(ctx, &registrar.Service{Name: "orders"}); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// [a b c]
	// []
}

// An operator takes an instance out for a while.
func ExampleClient_Drain() {
	ctx := context.Background()
	client := open()
	defer client.Close()
	target := &registrar.Service{Name: "orders", Instances: []registrar.Instance{{ID: "b"}}}
	if err := client.Drain(ctx, target, "kernel update"); err != nil {
		log.Fatal(err)
	}
	orders, _ := client.GetService(ctx, "orders")
	fmt.Println(ids(orders))
	if err := client.Undrain(ctx, target); err != nil {
		log.Fatal(err)
	}
	orders, _ = client.GetService(ctx, "orders")
	fmt.Println(ids(orders))
	// Output:
	// [a c]
	// [a b c]
}

// A process that has no new work given before it ends.
func ExampleClient_Close() {
	ctx := context.Background()
	client := open()
	orders, err := client.GetService(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	draining := orders.Clone() // a result is shared
	for i := range draining.Instances {
		draining.Instances[i].Status = catalog.StatusDraining
	}
	if err := client.Register(ctx, draining); err != nil {
		log.Fatal(err)
	}
	// Here it waits for the TTL of DNS answers, and ends the work that it has.
	if err := client.Close(); err != nil {
		log.Print(err)
	}
	_, err = client.GetService(ctx, "orders")
	fmt.Println(err)
	// Output: client closed
}

// Programs that must not go on before they are registered wait for it.
func ExampleClient_Wait() {
	client := open()
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	for _, st := range client.Status() {
		fmt.Println(st.ID, st.State, st.Err)
	}
	// Output:
	// a registered <nil>
	// b registered <nil>
	// c registered <nil>
}

func ExampleClient_List() {
	client := open()
	defer client.Close()
	names, err := client.List(context.Background(), "")
	fmt.Println(names, err)
	// Output: [default/orders] <nil>
}

// A program that does something for each service there is, such as a proxy.
func ExampleClient_WatchList() {
	client := open()
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for names, err := range client.WatchList(ctx, "default") {
		if err != nil {
			log.Print(err) // the backend is away: names, if any, are the last ones that are known
			continue
		}
		fmt.Println(names)
		if len(names) == 2 {
			break
		}
		carts := &registrar.Service{Name: "carts", Instances: []registrar.Instance{{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.8")}}}}
		if err := client.Register(ctx, carts); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// [orders]
	// [carts orders]
}

// The same registry as that of the command registrar; options that follow win.
func ExampleOptionsFromEnv() {
	opts, err := registrar.OptionsFromEnv()
	if err != nil {
		log.Fatal(err) // it names the variable
	}
	client, err := registrar.Open(context.Background(), "memory", append(opts, registrar.WithNamespace("prod"))...)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// An instance with the address that etcd sees, or all those of an interface.
func ExampleLocalAddresses() {
	addresses, err := registrar.LocalAddresses(context.Background(), "", "http://127.0.0.1:2379")
	if err != nil {
		log.Print(err) // no route yet: later it can be otherwise
		return
	}
	here := registrar.Instance{Addresses: addresses, Ports: []registrar.Port{{Name: "http", Port: 8080}}}
	fmt.Println(here.StableID())
	// Output: 127-0-0-1-8080
}

// waits is an observer of what calls wait for.
type waits struct {
	registrar.NopObserver
}

func (waits) Looked(l registrar.Lookup) {
	fmt.Println("looked up", l.Name, "waited:", l.Waited > 0, "error:", l.Err)
}

func ExampleWithObserver() {
	client, err := registrar.Open(context.Background(), "memory", registrar.WithObserver(waits{}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, _ = client.GetService(context.Background(), "Orders")
	// Output: looked up Orders waited: false error: registrar: name "Orders": service "Orders" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end
}

// Drivers parse names as all others do.
func ExampleParseName() {
	name, err := registrar.ParseName("orders?prefer=az1&tag=canary", registrar.DefaultNamespace)
	fmt.Println(name, err)
	// Output: default/orders?tag=canary&prefer=az1 <nil>
}
