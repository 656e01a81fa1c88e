package grpcresolver

import (
	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
)

// Instance returns the instance that an endpoint stands for, for balancers of one's own.
// It is shared and must not be changed; nil if the endpoint isn't from this package.
func Instance(endpoint resolver.Endpoint) *registrar.Instance {
	in, _ := endpoint.Attributes.Value(instanceKey{}).(instance)
	return in.Instance
}

type instanceKey struct{}

// instance is the attribute of an endpoint.
type instance struct{ *registrar.Instance }

// Equal is how gRPC compares attributes.
func (in instance) Equal(other any) bool {
	o, ok := other.(instance)
	return ok && in.Instance.Equal(o.Instance)
}

// String is what gRPC logs of an attribute.
func (in instance) String() string { return in.ID }
