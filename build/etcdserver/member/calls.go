package member

import (
	"context"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// calls ends the long-lived calls of clients when the etcd stops. etcd's own Close only asks clients to go, and waits seven
// seconds for those that hold a watch, as every mirror does. Clients then see Unavailable, after which they reconnect by
// themselves. And it asks admit about each registration, and lets no call through
// unless inUse succeeds.
type calls struct {
	inUse, admit func() error
	stopping     context.Context
	stop         context.CancelFunc
}

func newCalls(inUse, admit func() error) *calls {
	stopping, stop := context.WithCancel(context.Background())
	return &calls{inUse: inUse, admit: admit, stopping: stopping, stop: stop}
}

// options makes a gRPC server use c.
func (c *calls) options() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainStreamInterceptor(c.stream), grpc.ChainUnaryInterceptor(c.unary)}
}

// stream is a grpc.StreamServerInterceptor.
func (c *calls) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(c.stopping, cancel)()
	err := handler(srv, streamWithContext{ServerStream: stream, ctx: ctx})
	if c.stopping.Err() != nil {
		return rpctypes.ErrGRPCStopped
	}
	return err
}

// unary is a grpc.UnaryServerInterceptor.
func (c *calls) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if c.inUse() != nil { // which ends the process
		return nil, rpctypes.ErrGRPCStopped
	}
	if registers(request) {
		if err := c.admit(); err != nil {
			return nil, err
		}
	}
	return handler(ctx, request)
}

// registers reports whether a request adds to the database: it is one of those that etcd refuses while a NOSPACE alarm is on.
func registers(request any) bool {
	switch request := request.(type) {
	case *pb.PutRequest, *pb.LeaseGrantRequest:
		return true
	case *pb.TxnRequest:
		return slices.ContainsFunc(request.GetSuccess(), puts) || slices.ContainsFunc(request.GetFailure(), puts)
	}
	return false
}

func puts(op *pb.RequestOp) bool {
	return op.GetRequestPut() != nil || (op.GetRequestTxn() != nil && registers(op.GetRequestTxn()))
}

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s streamWithContext) Context() context.Context { return s.ctx }
