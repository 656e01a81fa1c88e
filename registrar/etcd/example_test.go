package etcd_test

import (
	"context"
	"log"
	"net/netip"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/etcd"
)

var orders = &registrar.Service{Name: "orders", Instances: []registrar.Instance{{
	Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")},
	Ports:     []registrar.Port{{Name: "http", Port: 8080}},
}}}

// A cluster with TLS and users. etcd can be away: Open doesn't ask it.
func Example() {
	ctx := context.Background()
	client, err := registrar.Open(ctx, etcd.Name,
		registrar.WithEndpoints("https://etcd-1.example.com:2379", "https://etcd-2.example.com:2379", "https://etcd-3.example.com:2379"),
		registrar.WithTLSFiles("client.pem", "client-key.pem", "ca.pem"),
		registrar.WithCredentialsFile("/run/secrets/etcd"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Register(ctx, orders); err != nil {
		log.Print(err)
	}
}

// A program that uses etcd itself shares its connection.
func ExampleWithClient() {
	cli, err := clientv3.New(clientv3.Config{Endpoints: []string{"http://127.0.0.1:2379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer cli.Close() // after the registry's
	client, err := registrar.Open(context.Background(), etcd.Name, etcd.WithClient(cli))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// A job that is called again and again, well within a lease's TTL, and ends each time.
func ExampleWithLeaveOnClose() {
	ctx := context.Background()
	client, err := registrar.Open(ctx, etcd.Name, etcd.WithLeaveOnClose(), registrar.WithLeaseTTL(registrar.MaxLeaseTTL))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Register(ctx, orders); err != nil {
		log.Print(err)
	}
	if err := client.Wait(ctx); err != nil { // Close doesn't wait
		log.Print(err)
	}
}
