// Package kratos lets applications of go-kratos register themselves and find others in a
// Roster registry: it implements kratos' registry.Registrar and registry.Discovery.
//
//	registry, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"))
//	…
//	roster := kratos.New(registry)
//	app := gokratos.New(gokratos.Name("orders"), gokratos.Registrar(roster), gokratos.Server(grpcServer, httpServer))
//	…
//	cc, err := transgrpc.DialInsecure(ctx, transgrpc.WithEndpoint("discovery:///orders"), transgrpc.WithDiscovery(roster))
//
// An unavailable registry neither stops an application nor delays its start by more than a
// second: it is registered as soon as the registry is there, and again after its lease is
// lost.
//
// # Names
//
// The name of an application, and of a discovery endpoint, is SERVICE or NAMESPACE/SERVICE,
// and each is a DNS label: lower case, without dots. A name as kratos also permits, such as
// "shop.orders.v1", is refused with registrar.ErrInvalid, since two of them could become one
// when they are changed; [WithServiceName] says how the program wants them changed. The ID
// of an application is a DNS label as well, which kratos' default is.
//
// A discovery endpoint can select, with "%3F" for the question mark, as kratos drops a
// query: "discovery:///orders%3Ftag=canary".
//
// # Instances
//
//	kratos                               Roster
//	endpoints grpc://10.0.0.7:9000, …    address 10.0.0.7, a port with the scheme's name
//	grpc://10.0.0.7:9000?isSecure=true   port "grpcs"
//	Version                              metadata "version"
//	Metadata["weight"]                   weight
//	Metadata                             metadata
//
// The endpoints of an instance have one host in common, and a scheme each: kratos.Endpoint
// sets which endpoints are registered. What else an instance has in Roster, such as tags and
// locality, is set by [WithInstance]. Instances that others registered are found by their
// named TCP ports: one with a port named grpc has the endpoint grpc://….
//
// # What kratos does with it
//
// While the registry is unavailable, the last known instances stay. Where the last instance
// of a service leaves, kratos itself goes on with the last ones that it knew ("zero endpoint
// found, refused to write").
package kratos
