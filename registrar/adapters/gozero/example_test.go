package gozero_test

import (
	"context"
	"log"

	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/adapters/gozero"

	_ "github.com/rosterdns/roster/registrar/etcd"
)

// registry opens the registry of a program.
func registry(ctx context.Context) *registrar.Client {
	client, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"))
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// A client that starts whether or not there is a server.
func ExampleDiscovery() {
	registry := registry(context.Background())
	defer registry.Close()
	client, err := zrpc.NewClient(zrpc.RpcClientConf{Target: "roster:///user", NonBlock: true}, gozero.Discovery(registry))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Conn().Close()
}

// All clients of the process find services by their target alone, as it stands in a
// configuration file.
func ExampleNewResolver() {
	resolver.Register(gozero.NewResolver(registry(context.Background())))
}

// A server that is registered with a weight.
func ExampleRegister() {
	ctx := context.Background()
	registry := registry(ctx)
	defer registry.Close()
	c := zrpc.RpcServerConf{ListenOn: "0.0.0.0:8080"}
	server := zrpc.MustNewServer(c, func(*grpc.Server) {})
	defer server.Stop()
	err := gozero.Register(ctx, registry, "user", c.ListenOn, func(in *registrar.Instance) { in.Weight = 200 })
	if err != nil {
		log.Fatal(err)
	}
	server.Start()
}
