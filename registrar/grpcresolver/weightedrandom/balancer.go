// Package weightedrandom is a balancer of gRPC that sends each request to a random
// endpoint, in proportion to the endpoints' weights: what clients of DNS do with SRV
// records (RFC 2782), and package balance by default.
//
// gRPC's own balancers don't do it: round_robin and least_request ignore the weights that
// a resolver gives, weighted_round_robin has others, from load reports, and ring_hash
// follows them only about as well as its points on the ring happen to lie.
//
// Importing the package registers the balancer, for service configs:
//
//	{"loadBalancingConfig":[{"roster_weighted_random":{}}]}
//
// It connects to all endpoints and picks one of those that are connected. It can be the
// child of outlier_detection, and honours client-side health checks. A weight is that of
// gRPC's package weight; an endpoint without one has the weight 1, as in ring_hash.
package weightedrandom

import (
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
)

// Name is the balancer's name in service configs.
const Name = "roster_weighted_random"

func init() { balancer.Register(builder{}) }

type builder struct{}

// Name implements balancer.Builder.
func (builder) Name() string { return Name }

// Build implements balancer.Builder.
func (builder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	w := &weighted{ClientConn: cc}
	connect := balancer.Get(pickfirst.Name).Build // each endpoint is connected to by its addresses
	w.Balancer = endpointsharding.NewBalancer(w, opts, connect, endpointsharding.Options{})
	return w
}

// weighted stands between a connection and the balancer that connects to each endpoint, and
// replaces the picker of the latter.
type weighted struct {
	balancer.ClientConn
	balancer.Balancer

	mu          sync.Mutex
	resolverErr error // why there are no endpoints, if the resolver has said it
}

// UpdateClientConnState implements balancer.Balancer.
func (w *weighted) UpdateClientConnState(s balancer.ClientConnState) error {
	w.setError(nil)
	return w.Balancer.UpdateClientConnState(balancer.ClientConnState{
		// With it connections heed outlier detection and health checks.
		ResolverState: pickfirst.EnableHealthListener(s.ResolverState),
	})
}

// ResolverError implements balancer.Balancer.
func (w *weighted) ResolverError(err error) {
	w.setError(err)
	w.Balancer.ResolverError(err)
}

func (w *weighted) setError(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resolverErr = err
}

// UpdateState implements balancer.ClientConn.
func (w *weighted) UpdateState(s balancer.State) {
	children := endpointsharding.ChildStatesFromPicker(s.Picker)
	w.mu.Lock()
	err := w.resolverErr
	w.mu.Unlock()
	switch {
	case s.ConnectivityState == connectivity.Ready:
		s.Picker = newPicker(children)
	case len(children) == 0 && err != nil:
		s.Picker = base.NewErrPicker(err)
	}
	w.ClientConn.UpdateState(s)
}
