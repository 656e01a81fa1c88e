package balance_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"

	_ "github.com/rosterdns/roster/registrar/memory"
)

// open returns a client with two instances of orders, of which one is a standby.
func open(ctx context.Context) *registrar.Client {
	client, err := registrar.Open(ctx, "memory")
	if err != nil {
		log.Fatal(err)
	}
	err = client.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{
		{ID: "main", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}, Ports: []registrar.Port{{Name: "redis", Port: 6379}}},
		{ID: "standby", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.8")}, Ports: []registrar.Port{{Name: "redis", Port: 6379}}, Priority: 1},
	}})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func Example() {
	ctx := context.Background()
	client := open(ctx)
	defer client.Close()
	orders := balance.New(client, "orders", balance.WithPort("redis"), balance.WithPolicy(balance.LeastLoaded))

	first, err := orders.Pick(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(first.Instance.ID, first.Addr)
	first.Done(balance.Result{Outcome: balance.Unreachable}) // nobody answers there

	second, err := orders.Pick(ctx, first.Instance.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(second.Instance.ID, second.Addr)
	second.Done(balance.Result{})
	// Output:
	// main 10.0.0.7:6379
	// standby 10.0.0.8:6379
}

// A Dialer connects to the instance that is picked for each connection.
func ExampleBalancer_Pick() {
	ctx := context.Background()
	client := open(ctx)
	defer client.Close()
	orders := balance.New(client, "orders")

	dial := func(ctx context.Context) (net.Conn, error) {
		picked, err := orders.Pick(ctx)
		if err != nil {
			return nil, err
		}
		result := balance.Result{}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", picked.Addr)
		if err != nil {
			result.Outcome = balance.Unreachable
		}
		picked.Done(result)
		return conn, err
	}
	_ = dial
}

// In a program that knows its locality, instances there are preferred as far as their
// capacity goes.
func ExampleWithLocality() {
	client := open(context.Background())
	defer client.Close()
	orders := balance.New(client, "orders", balance.WithLocality("az1"))
	_ = orders
}

// connections is a pool of connections to one instance.
type connections struct{ addr string }

// Close implements io.Closer.
func (c *connections) Close() error {
	fmt.Println("close", c.addr)
	return nil
}

// Each instance gets a pool of connections, which lives as long as the instance.
func ExampleWithPool() {
	ctx := context.Background()
	client := open(ctx)
	defer client.Close()
	orders := balance.New(client, "orders", balance.WithPool(func(_ *registrar.Instance, addr string) io.Closer {
		return &connections{addr}
	}))
	picked, err := orders.Pick(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("use", picked.Pool.(*connections).addr)
	picked.Done(balance.Result{})

	if err := client.Unregister(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{{ID: "main"}}}); err != nil {
		log.Fatal(err)
	}
	if picked, err = orders.Pick(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("use", picked.Pool.(*connections).addr)
	picked.Done(balance.Result{})
	// Output:
	// use 10.0.0.7:6379
	// close 10.0.0.7:6379
	// use 10.0.0.8:6379
}
