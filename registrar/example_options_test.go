package registrar_test

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/rosterdns/roster/registrar"

	_ "github.com/rosterdns/roster/registrar/etcd"
)

// Certificates and passwords in files can be renewed while the program runs.
func ExampleWithTLSFiles() {
	client, err := registrar.Open(context.Background(), "etcd",
		registrar.WithEndpoints("https://etcd.example.com:2379"),
		registrar.WithTLSFiles("client.pem", "client-key.pem", "ca.pem"),
		registrar.WithCredentialsFile("/run/secrets/etcd")) // the user on line 1, the password on line 2
	if err != nil {
		log.Fatal(err) // such as a file that can't be read
	}
	defer client.Close()
}

// What a program has in memory can be given as well.
func ExampleWithTLS() {
	client, err := registrar.Open(context.Background(), "etcd",
		registrar.WithEndpoints("https://etcd.example.com:2379"),
		registrar.WithTLS(&tls.Config{MinVersion: tls.VersionTLS13}),
		registrar.WithCredentials("orders", os.Getenv("ORDERS_PASSWORD")))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// A program that starts while etcd is away has the answers of its last run, which are
// stale.
func ExampleWithSnapshot() {
	ctx := context.Background()
	client, err := registrar.Open(ctx, "etcd", registrar.WithSnapshot("/var/lib/orders/registry.snapshot"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if payments, err := client.GetService(ctx, "payments"); err == nil && payments.Stale {
		log.Printf("finding payments as of revision %d", payments.Revision)
	}
}

// A registry below another prefix, for instances that are gone thirty seconds after their
// process crashed, with messages of its own.
func ExampleWithPrefix() {
	client, err := registrar.Open(context.Background(), "etcd",
		registrar.WithPrefix("/staging/roster"),
		registrar.WithLeaseTTL(30*time.Second),
		registrar.WithLogger(slog.Default().With("component", "registry")))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}
