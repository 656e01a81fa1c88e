package etcdserver

import (
	"context"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// calls ends the calls of clients when the server stops. etcd's own Close only asks clients to go, and waits seven seconds
// for those that hold a watch, as every mirror does, or that wait for an answer which a failed etcd will never give.
// Clients then see Unavailable, after which they reconnect by themselves. And it asks admit about each registration.
type calls struct {
	admit    func() error
	stopping context.Context // done: long-lived calls (watches, keepalives) end
	failed   context.Context // done: all others end, too
	end      context.CancelFunc
	endAll   context.CancelFunc
}

func newCalls(admit func() error) *calls {
	failed, endAll := context.WithCancel(context.Background())
	stopping, end := context.WithCancel(failed)
	return &calls{admit: admit, stopping: stopping, failed: failed, end: end, endAll: endAll}
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
	if registers(request) {
		if err := c.admit(); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.failed, cancel)()
	response, err := handler(ctx, request)
	if err != nil && c.failed.Err() != nil {
		return nil, rpctypes.ErrGRPCStopped
	}
	return response, err
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
