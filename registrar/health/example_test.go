package health_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"

	_ "github.com/rosterdns/roster/registrar/memory"
)

// A server that is registered once it answers, and as down while it doesn't.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	client, err := registrar.Open(ctx, "memory")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	orders := &registrar.Service{Name: "orders", Instances: []registrar.Instance{{
		ID: "a", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}, Ports: []registrar.Port{{Name: "http", Port: 8080}},
	}}}
	checker := &health.Checker{Probe: health.ProbeFunc(func(context.Context) error { return nil })} // such as a health.HTTP
	registering := make(chan error, 1)
	go func() { registering <- health.Register(ctx, client, orders, checker) }()

	for found, err := range client.Watch(ctx, "orders") {
		if err == nil && len(found.Instances) > 0 {
			fmt.Println(found.Instances[0].ID, found.Instances[0].Status)
			break
		}
	}
	stop()
	if err := <-registering; err != nil {
		log.Print(err)
	}
	// Output: a up
}

// A checker tells when a status changes, and not of each probe.
func ExampleChecker() {
	ctx, stop := context.WithCancel(context.Background())
	probes := 0
	checker := &health.Checker{
		Interval: time.Millisecond,
		Fall:     2,
		Probe: health.ProbeFunc(func(context.Context) error {
			if probes++; probes > 5 {
				return errors.New("the disk is full")
			}
			return nil
		}),
	}
	checker.Run(ctx, func(r health.Result) {
		fmt.Println(r.Status, r.Err)
		if !r.Up() {
			stop()
		}
	})
	// Output:
	// up <nil>
	// down the disk is full
}

// A loop that says that it goes on.
func ExampleHeartbeat() {
	ctx, stop := context.WithCancel(context.Background())
	heartbeat := health.NewHeartbeat(50 * time.Millisecond)
	heartbeat.Beat() // in each turn of the loop, which hangs after this one
	heartbeat.Run(ctx, func(r health.Result) {
		fmt.Println(r.Status, r.Err)
		if !r.Up() {
			stop()
		}
	})
	// Output:
	// up <nil>
	// down no heartbeat for 50ms
}

func ExampleSpec() {
	in := &registrar.Instance{Host: "db1.example.com", Ports: []registrar.Port{{Name: "postgresql", Port: 5432}}}
	spec, err := health.ParseSpec("tcp://:postgresql")
	if err != nil {
		log.Fatal(err)
	}
	probe, err := spec.Probe(in)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(probe.(*health.TCP).Address)
	// Output: db1.example.com:5432
}

func ExampleHTTP() {
	probe := &health.HTTP{URL: "http://127.0.0.1:8080/healthz", Method: http.MethodHead}
	if err := probe.Probe(context.Background()); err != nil {
		log.Print(err)
	}
}

func ExampleTCP() {
	probe := &health.TCP{Address: "127.0.0.1:5432"}
	if err := probe.Probe(context.Background()); err != nil {
		log.Print(err)
	}
}

func ExampleGRPC() {
	probe := &health.GRPC{Address: "127.0.0.1:9090", Service: "orders.v1.Orders"}
	if err := probe.Probe(context.Background()); err != nil {
		log.Print(err)
	}
}

func ExampleExec() {
	probe := &health.Exec{Command: []string{"pg_isready", "--host", "127.0.0.1"}}
	if err := probe.Probe(context.Background()); err != nil {
		log.Print(err)
	}
}
