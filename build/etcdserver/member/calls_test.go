package member

import (
	"context"
	"errors"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

func put1() *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{}}}
}

func delete1() *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{}}}
}

func nested(op *pb.RequestOp) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: &pb.TxnRequest{Success: []*pb.RequestOp{op}}}}
}

func TestCallsRefuseRegistrationsOnly(t *testing.T) {
	t.Parallel()
	c := newCalls(func() error { return nil }, func() error { return rpctypes.ErrGRPCNoSpace })
	defer c.stop()
	for name, test := range map[string]struct {
		request any
		refused bool
	}{
		"put":            {&pb.PutRequest{}, true},
		"grant":          {&pb.LeaseGrantRequest{}, true},
		"txn with put":   {&pb.TxnRequest{Success: []*pb.RequestOp{delete1(), put1()}}, true},
		"put if not":     {&pb.TxnRequest{Failure: []*pb.RequestOp{put1()}}, true},
		"nested put":     {&pb.TxnRequest{Success: []*pb.RequestOp{nested(put1())}}, true},
		"nested delete":  {&pb.TxnRequest{Success: []*pb.RequestOp{nested(delete1())}}, false},
		"txn of deletes": {&pb.TxnRequest{Success: []*pb.RequestOp{delete1()}}, false},
		"delete":         {&pb.DeleteRangeRequest{}, false},
		"range":          {&pb.RangeRequest{}, false},
		"revoke":         {&pb.LeaseRevokeRequest{}, false},
		"compaction":     {&pb.CompactionRequest{}, false},
		"alarm":          {&pb.AlarmRequest{}, false},
	} {
		called := false
		_, err := c.unary(t.Context(), test.request, nil, func(context.Context, any) (any, error) {
			called = true
			return struct{}{}, nil
		})
		if called == test.refused || (err != nil) != test.refused || (test.refused && !errors.Is(err, rpctypes.ErrGRPCNoSpace)) {
			t.Errorf("%s: called %v, %v", name, called, err)
		}
	}
}

// TestCallsAreNoted lets no call through before it is noted that the data folder is in use.
func TestCallsAreNoted(t *testing.T) {
	t.Parallel()
	for failure, want := range map[error]error{nil: nil, errors.New("input/output error"): rpctypes.ErrGRPCStopped} {
		noted, called := false, false
		c := newCalls(func() error { noted = true; return failure }, func() error { return nil })
		_, err := c.unary(t.Context(), &pb.PutRequest{}, nil, func(context.Context, any) (any, error) {
			called = noted
			return struct{}{}, nil
		})
		c.stop()
		if !errors.Is(err, want) || called != (want == nil) {
			t.Errorf("noted with %v: called %v, %v", failure, called, err)
		}
	}
}

// fakeStream is a call of a client that goes on until its context ends.
type fakeStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s fakeStream) Context() context.Context { return s.ctx }

// TestCallsEndStreams ends a watch when etcd stops, in a way that has its client come back.
func TestCallsEndStreams(t *testing.T) {
	t.Parallel()
	c := newCalls(nil, nil)
	started, done := make(chan struct{}), make(chan error)
	go func() {
		done <- c.stream(nil, fakeStream{ctx: t.Context()}, nil, func(_ any, stream grpc.ServerStream) error {
			close(started)
			<-stream.Context().Done()
			return stream.Context().Err()
		})
	}()
	<-started
	c.stop()
	if err := <-done; !errors.Is(err, rpctypes.ErrGRPCStopped) {
		t.Errorf("got %v", err)
	}
}
