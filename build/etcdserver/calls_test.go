package etcdserver

import (
	"context"
	"errors"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
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
	c := newCalls(func() error { return rpctypes.ErrGRPCNoSpace })
	defer c.endAll()
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

// TestCallsEndWhenEtcdFails has a call wait for an answer that a failed etcd never gives.
func TestCallsEndWhenEtcdFails(t *testing.T) {
	t.Parallel()
	c := newCalls(func() error { return nil })
	started, done := make(chan struct{}), make(chan error)
	go func() {
		_, err := c.unary(t.Context(), &pb.PutRequest{}, nil, func(ctx context.Context, _ any) (any, error) {
			close(started)
			<-ctx.Done()
			return nil, ctx.Err()
		})
		done <- err
	}()
	<-started
	c.end() // a stop lets it finish
	select {
	case err := <-done:
		t.Fatalf("ended by a stop: %v", err)
	default:
	}
	c.endAll()
	if err := <-done; !errors.Is(err, rpctypes.ErrGRPCStopped) {
		t.Errorf("got %v", err)
	}
}
