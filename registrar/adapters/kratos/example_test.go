package kratos_test

import (
	"context"
	"log"
	"strings"

	gokratos "github.com/go-kratos/kratos/v2"
	"github.com/go-kratos/kratos/v2/transport/grpc"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/adapters/kratos"

	_ "github.com/rosterdns/roster/registrar/etcd"
)

// An application that registers itself and calls another one.
func ExampleNew() {
	ctx := context.Background()
	client, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	registry := kratos.New(client)

	payments, err := grpc.DialInsecure(ctx, grpc.WithEndpoint("discovery:///payments"), grpc.WithDiscovery(registry))
	if err != nil {
		log.Fatal(err)
	}
	defer payments.Close()
	app := gokratos.New(gokratos.Name("orders"), gokratos.Registrar(registry), gokratos.Server(grpc.NewServer()))
	if err := app.Run(); err != nil {
		log.Print(err)
	}
}

// Names such as "shop.orders" become services of a namespace, here shop.
func ExampleWithServiceName() {
	client, err := registrar.Open(context.Background(), "etcd")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	kratos.New(client, kratos.WithServiceName(func(name string) string {
		namespace, service, _ := strings.Cut(name, ".")
		return namespace + "/" + service
	}))
}

// Instances say where they are, and that they are canaries.
func ExampleWithInstance() {
	client, err := registrar.Open(context.Background(), "etcd")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	kratos.New(client, kratos.WithInstance(func(in *registrar.Instance) {
		in.Locality, in.Tags = "az1", []string{"canary"}
	}))
}
