// Package grpcresolver lets gRPC clients find the instances of services by name.
//
// A client that has a [registrar.Client] dials targets of the scheme roster:
//
//	cc, err := grpc.NewClient("roster:///orders",
//		grpc.WithResolvers(grpcresolver.New(registry)),
//		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
//		grpc.WithTransportCredentials(credentials))
//
// Frameworks that take no dial options find it after resolver.Register. Without a service
// config gRPC sends all requests to one instance (pick_first); README.md has service
// configs of the other policies.
//
// # Targets
//
//	roster:///orders                      the namespace is that of the registry's client
//	roster:///prod/orders                 namespace prod
//	roster://prod/orders                  the same
//	roster:///orders?tag=canary           selectors as in registrar.ParseName
//	roster:///orders?port=admin           the port with this name
//
// Without port= it is an instance's TCP port with the name grpc, else its first TCP port.
// With it, instances that have no TCP port of this name are left out. A target that is
// malformed is registrar.ErrInvalid, in the error of each request.
//
// The authority, which TLS checks certificates against, is SERVICE.roster or
// SERVICE.NAMESPACE.roster, whatever is selected: the names that package httpbalance uses
// too. grpc.WithAuthority sets another one.
//
// # What gRPC is told
//
// The endpoints are the instances that GetService returns, in the order of their IDs,
// each with all of its addresses, for gRPC's Happy Eyeballs. Of instances with different
// priorities only those with the lowest value of one that is up are told (RFC 2782), since
// gRPC's balancers don't know priorities. Endpoints have these attributes:
//
//   - the weight, as gRPC's package weight has it: ring_hash and pick_first's shuffling
//     use it, and so does package weightedrandom;
//   - the ID as the hash key of ring_hash, so that an instance keeps its place on the ring
//     when its address changes;
//   - the instance itself, with its locality, tags and metadata, for balancers of one's
//     own: see [Instance].
//
// A change is told when it happens, by the registry's watch; nothing is polled. What
// leaves the endpoints as they are is not told. An instance that leaves gets no new
// requests; those in flight end on their connection.
//
// # Failure
//
// Dialing never waits for the registry, and neither do requests that the balancer can
// send. While the registry is unavailable, what was known last stays, for a day also where a
// connection was idle meanwhile. Before anything is known, and where no instance is up,
// requests fail at once with Unavailable; with grpc.WaitForReady they wait. pick_first and
// weightedrandom say why in the message, gRPC's other balancers only that they have "no
// children to pick from". The policy of a service can have its last instances stay when they
// disappear (keep_last), or others answer (failover).
//
// # Proxies
//
// By default gRPC connects through the proxy of the environment variable HTTPS_PROXY, and
// then drops the attributes of endpoints, weights included. grpc.WithNoProxy connects
// directly; so it should be among the dial options wherever that variable can be set.
package grpcresolver
