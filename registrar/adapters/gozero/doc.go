// Package gozero lets zRPC clients of go-zero find services in a Roster registry, and zRPC
// servers register themselves.
//
// A client has a target of the scheme roster, as package grpcresolver describes it:
//
//	registry, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"))
//	…
//	client, err := zrpc.NewClient(zrpc.RpcClientConf{Target: "roster:///user", NonBlock: true}, gozero.Discovery(registry))
//
// Where the code that makes the client can't be given an option, resolver.Register makes
// [NewResolver] known to all clients of the process. NonBlock, which go-zero's configuration
// files have by default, lets a client start before its service; without it NewClient waits
// three seconds for an instance, and then fails.
//
// A server is registered beside the one that go-zero runs, in place of the section Etcd of
// its configuration:
//
//	server := zrpc.MustNewServer(c.RpcServerConf, register)
//	if err := gozero.Register(ctx, registry, "user", c.ListenOn); err != nil {
//		return err
//	}
//	server.Start()
//
// An unavailable registry neither stops a server nor delays its start by more than a second:
// it is registered as soon as the registry is there, again after its lease is lost, and again
// if somebody deletes its key. At a signal to end it is unregistered in go-zero's wrap-up
// phase, a second before the server stops.
//
// go-zero's balancers, p2c_ewma (the default) and consistent_hash, don't know weights.
// BalancerName of a client's configuration can name others: package weightedrandom of
// grpcresolver has one that does.
package gozero
