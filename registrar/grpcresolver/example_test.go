package grpcresolver_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"

	_ "github.com/rosterdns/roster/registrar/grpcresolver/weightedrandom"
	_ "github.com/rosterdns/roster/registrar/memory"
)

// serve starts a gRPC server that has gRPC's health service, and registers it as orders.
func serve(ctx context.Context, registry *registrar.Client) (end func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	at := netip.MustParseAddrPort(l.Addr().String())
	err = registry.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{{
		Addresses: []netip.Addr{at.Addr()}, Ports: []registrar.Port{{Name: "grpc", Port: at.Port()}},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	return func() {
		server.Stop()
		<-done
	}
}

// A client that sends requests to the instances of orders in proportion to their weights.
// It imports the balancer:
//
//	import _ "github.com/rosterdns/roster/registrar/grpcresolver/weightedrandom"
func ExampleNew() {
	ctx := context.Background()
	registry, err := registrar.Open(ctx, "memory")
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	defer serve(ctx, registry)()

	cc, err := grpc.NewClient("roster:///orders",
		grpc.WithResolvers(grpcresolver.New(registry)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"roster_weighted_random":{}}]}`),
		grpc.WithNoProxy(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer cc.Close()
	response, err := healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status)
	// Output: SERVING
}

// A framework that makes connections itself finds the resolver by the scheme of targets.
// It is registered once, before the first connection.
func ExampleNew_forFrameworks() {
	registry, err := registrar.Open(context.Background(), "memory")
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	resolver.Register(grpcresolver.New(registry))
}

// For a balancer that knows State.Addresses alone, as go-zero's p2c_ewma does.
func ExampleWithAddresses() {
	registry, err := registrar.Open(context.Background(), "memory")
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	cc, err := grpc.NewClient("roster:///orders",
		grpc.WithResolvers(grpcresolver.New(registry, grpcresolver.WithAddresses())),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"p2c_ewma":{}}]}`),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer cc.Close()
}

// What a balancer of one's own can know of an endpoint.
func ExampleInstance() {
	nearby := func(endpoint resolver.Endpoint) bool {
		in := grpcresolver.Instance(endpoint)
		return in != nil && in.Locality == "az1"
	}
	fmt.Println(nearby(resolver.Endpoint{}))
	// Output: false
}
