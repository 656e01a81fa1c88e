package balance

import (
	"cmp"
	"io"
	"net"
	"slices"
	"strconv"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Policy is how one of several instances is chosen that are as good by priority and
// locality.
type Policy uint8

const (
	// Weighted chooses at random, in proportion to the weights. It is the default, and
	// what clients of DNS do (RFC 2782).
	Weighted Policy = iota
	// LeastLoaded chooses one at random, in proportion to the weights, compares it with
	// another one, and takes the one with less load. The load is what a request would
	// have to wait for:
	//
	//	(requests in flight / weight + 1) × average latency
	//
	// where the weight is relative to the average one. The latency is that of this
	// client's requests: an exponential average over ten seconds that rises to a higher
	// sample at once, after Finagle's "peak EWMA". Under equal load the weights alone
	// decide, and no instance gets more than twice its share by weight. It needs Done
	// after each request.
	LeastLoaded
)

// Option changes how a Balancer picks.
type Option func(*config)

type config struct {
	policy   Policy
	locality string
	ports    []string
	protocol string
	open     func(instance *registrar.Instance, addr string) io.Closer
}

// WithPolicy sets how one of several equal instances is chosen; the default is Weighted.
func WithPolicy(policy Policy) Option {
	return func(c *config) { c.policy = policy }
}

// WithPort sets the name of the port to connect to: the first of the names that an
// instance has a port of. The empty name stands for its first port, and is the default.
// Only ports of the protocol of WithProtocol count. Instances without such a port are left
// out.
func WithPort(names ...string) Option {
	return func(c *config) { c.ports = slices.Clone(names) }
}

// WithProtocol sets the protocol of the port to connect to, "tcp" or "udp"; the default is
// "tcp".
func WithProtocol(protocol string) Option {
	return func(c *config) { c.protocol = protocol }
}

// WithLocality says in which locality the program runs, so that instances there get its
// requests as far as they have the capacity for them. The rest goes to where more
// capacity is than load. The aim is that each instance of the service, wherever it is,
// gets its share by weight of all requests of all clients together.
//
// Let c(z) be the capacity of locality z: its share of the weights of the instances that
// can be used. Let d(z) be the load that originates there: of L localities with
// instances each has 1/L, on the assumption that clients are spread evenly over them.
// Instances without a locality count as one in which no client is. Then the share of
// this client's requests that stays in its locality is
//
//	s = min(1, c(own) / d(own))
//
// and each other locality gets the share
//
//	(1 - s) × r(z) / Σ r,  where r(z) = max(0, c(z) - d(z)) is its residual capacity.
//
// This is Envoy's zone aware routing (its documentation, "Load balancing: Zone aware
// routing") with the originating cluster's percentages taken as equal, as one client
// doesn't know the others. Kubernetes' topology aware routing spreads endpoints over
// zones by the same aim.
//
// Where no instance of the locality can be used all are chosen by weight. The default
// is the empty locality, with which localities don't count.
func WithLocality(locality string) Option {
	return func(c *config) { c.locality = locality }
}

// WithPool gives each instance something of the program's own, such as a pool of
// connections, which is then in Picked.Pool. open is called when an instance comes, with
// a lock of the Balancer held: it must be quick, and not use the Balancer. Close is called,
// once, when the instance has left the set, or its address or port has changed, and when
// the Balancer closes. Requests that were picked before can still be in flight then, or even begin.
// A Balancer sees at its next pick that an instance has left.
func WithPool(open func(instance *registrar.Instance, addr string) io.Closer) Option {
	return func(c *config) { c.open = open }
}

// addr returns where to connect to on an instance; false if it lacks the port.
func (c *config) addr(in *registrar.Instance) (string, bool) {
	port, ok := c.port(in)
	if !ok {
		return "", false
	}
	host := in.Host
	if len(in.Addresses) > 0 {
		host = in.Addresses[0].String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), host != ""
}

// port returns the port to connect to.
func (c *config) port(in *registrar.Instance) (uint16, bool) {
	for _, name := range c.ports {
		for _, p := range in.Ports {
			protocol := cmp.Or(p.Protocol, catalog.ProtocolTCP)
			if protocol == c.protocol && (name == "" || p.Name == name) {
				return p.Port, true
			}
		}
	}
	return 0, false
}
