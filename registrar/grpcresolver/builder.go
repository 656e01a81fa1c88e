package grpcresolver

import (
	"context"

	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
)

// New returns a builder of resolvers that watch services by a client, for grpc.WithResolvers
// or resolver.Register. It is safe for concurrent use. The client must be open as long as
// there are connections: when it closes, they stay with the instances that they know.
func New(client registrar.Watcher, opts ...Option) resolver.Builder {
	b := &builder{client: client, memory: memory{sets: map[string]remembered{}}}
	for _, opt := range opts {
		opt(b)
	}
	return b
}

// Option changes what resolvers tell gRPC.
type Option func(*builder)

// WithAddresses has resolvers tell the first address of each instance in State.Addresses
// too, beside State.Endpoints: for balancers that are built with gRPC's package
// balancer/base, as those of go-zero are, which know nothing else.
func WithAddresses() Option {
	return func(b *builder) { b.addresses = true }
}

type builder struct {
	client    registrar.Watcher
	memory    memory
	addresses bool
}

var _ resolver.AuthorityOverrider = (*builder)(nil)

// Scheme implements resolver.Builder.
func (*builder) Scheme() string { return Scheme }

// OverrideAuthority implements resolver.AuthorityOverrider.
func (*builder) OverrideAuthority(t resolver.Target) string {
	parsed, err := parseTarget(&t.URL)
	if err != nil {
		return Scheme // Build has the error
	}
	return parsed.authority
}

// Build implements resolver.Builder. It doesn't wait for anything.
func (b *builder) Build(t resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	parsed, err := parseTarget(&t.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{target: parsed, memory: &b.memory, addresses: b.addresses, cc: cc, cancel: cancel}
	w.done.Go(func() { w.run(b.client.Watch(ctx, parsed.name)) })
	return w, nil
}
