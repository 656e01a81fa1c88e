package etcdserver

import (
	"context"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// streams ends the long-lived requests (watches, keepalives) when the server stops. etcd's own Close only asks clients to
// go, and waits seven seconds for those that hold a watch, as every mirror does.
type streams struct {
	ctx context.Context // done: the server is stopping
	end context.CancelFunc
}

func newStreams() *streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &streams{ctx: ctx, end: cancel}
}

// intercept runs a stream until it ends or s.end is called; clients then see Unavailable, after which they reconnect by
// themselves.
func (s *streams) intercept(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	err := handler(srv, streamWithContext{ServerStream: stream, ctx: ctx})
	if s.ctx.Err() != nil {
		return rpctypes.ErrGRPCStopped
	}
	return err
}

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s streamWithContext) Context() context.Context { return s.ctx }
