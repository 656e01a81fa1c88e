// Package stockrpc is the gRPC service shop.Stock. In a program of yours protoc generates
// such code; here it is written by hand, so that the example needs no protoc.
package stockrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// service is the full name of the gRPC service.
const service = "shop.Stock"

// Server answers requests. It must be safe for concurrent use.
type Server interface {
	// Count says how many of an item are in stock, and who says so.
	Count(ctx context.Context, item string) (string, error)
}

// Register makes a gRPC server answer requests by s.
func Register(registrar grpc.ServiceRegistrar, s Server) {
	registrar.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*Server)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Count", Handler: handleCount}},
	}, s)
}

func handleCount(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // gRPC has the context second
	var item wrapperspb.StringValue
	if err := decode(&item); err != nil {
		return nil, err
	}
	count, err := server.(Server).Count(ctx, item.Value)
	return wrapperspb.String(count), err
}

// Count asks a server how many of an item are in stock.
func Count(ctx context.Context, cc grpc.ClientConnInterface, item string) (string, error) {
	var count wrapperspb.StringValue
	err := cc.Invoke(ctx, "/"+service+"/Count", wrapperspb.String(item), &count)
	return count.Value, err
}
