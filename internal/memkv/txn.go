package memkv

import (
	"cmp"
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

var errUnsupported = errors.New("memkv: transactions have compares of CREATE, MOD, LEASE and VALUE, reads, puts and deletions of single keys, and transactions")

// Txn carries out a transaction, which can hold transactions: all of it, or
// nothing. Its compares see the keys as they are before. Errors are etcd's.
func (s *Store) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := txn{Store: s}
	if err := t.prepare(r); err != nil {
		return nil, err
	}
	resp := t.apply(r)
	resp.Header = s.header()
	if t.raised {
		s.notify()
	}
	return resp, nil
}

// txn is a transaction under way.
type txn struct {
	*Store
	taken  []bool // whether each compare held, in order of evaluation
	raised bool   // the revision is that of the transaction
}

// prepare evaluates the compares and checks what is to be done.
func (t *txn) prepare(r *pb.TxnRequest) error {
	holds := true
	for _, c := range r.Compare {
		ok, err := t.compare(c)
		if err != nil {
			return err
		}
		holds = holds && ok
	}
	t.taken = append(t.taken, holds)
	for _, op := range branch(r, holds) {
		if err := t.check(op); err != nil {
			return err
		}
	}
	return nil
}

func branch(r *pb.TxnRequest, holds bool) []*pb.RequestOp {
	if holds {
		return r.Success
	}
	return r.Failure
}

func (t *txn) check(op *pb.RequestOp) error {
	switch op := op.Request.(type) {
	case *pb.RequestOp_RequestPut:
		if id := op.RequestPut.Lease; id != 0 && t.leases[id] == nil {
			return rpctypes.ErrLeaseNotFound
		}
	case *pb.RequestOp_RequestTxn:
		return t.prepare(op.RequestTxn)
	case *pb.RequestOp_RequestRange, *pb.RequestOp_RequestDeleteRange:
	default:
		return errUnsupported
	}
	return nil
}

func (t *txn) compare(c *pb.Compare) (bool, error) {
	kv, _ := t.keys.Get(string(c.Key))
	if kv == nil {
		kv = &mvccpb.KeyValue{} // whose revisions and lease are 0, as etcd has it
	}
	var order int
	switch want := c.TargetUnion.(type) {
	case *pb.Compare_CreateRevision:
		order = cmp.Compare(kv.CreateRevision, want.CreateRevision)
	case *pb.Compare_ModRevision:
		order = cmp.Compare(kv.ModRevision, want.ModRevision)
	case *pb.Compare_Lease:
		order = cmp.Compare(kv.Lease, want.Lease)
	case *pb.Compare_Value:
		if kv.ModRevision == 0 {
			return false, nil // an absent key has no value to compare
		}
		order = cmp.Compare(string(kv.Value), string(want.Value))
	default:
		return false, errUnsupported
	}
	switch c.Result {
	case pb.Compare_EQUAL:
		return order == 0, nil
	case pb.Compare_NOT_EQUAL:
		return order != 0, nil
	case pb.Compare_GREATER:
		return order > 0, nil
	default:
		return order < 0, nil
	}
}

func (t *txn) apply(r *pb.TxnRequest) *pb.TxnResponse {
	holds := t.taken[0]
	t.taken = t.taken[1:]
	resp := &pb.TxnResponse{Header: &pb.ResponseHeader{}, Succeeded: holds}
	for _, op := range branch(r, holds) {
		resp.Responses = append(resp.Responses, t.do(op))
	}
	return resp
}

func (t *txn) do(op *pb.RequestOp) *pb.ResponseOp {
	switch op := op.Request.(type) {
	case *pb.RequestOp_RequestPut:
		t.raise()
		t.put(string(op.RequestPut.Key), op.RequestPut.Value, op.RequestPut.Lease)
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{ResponsePut: &pb.PutResponse{}}}
	case *pb.RequestOp_RequestDeleteRange:
		resp, key := &pb.DeleteRangeResponse{}, string(op.RequestDeleteRange.Key)
		if _, present := t.keys.Get(key); present {
			t.raise()
			t.remove(key)
			resp.Deleted = 1
		}
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseDeleteRange{ResponseDeleteRange: resp}}
	case *pb.RequestOp_RequestRange:
		resp := &pb.RangeResponse{}
		if kv, present := t.keys.Get(string(op.RequestRange.Key)); present {
			resp.Kvs, resp.Count = []*mvccpb.KeyValue{kv}, 1
		}
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: resp}}
	default:
		inner := t.apply(op.(*pb.RequestOp_RequestTxn).RequestTxn)
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseTxn{ResponseTxn: inner}}
	}
}

// raise gives the transaction its revision, with the first change.
func (t *txn) raise() {
	if !t.raised {
		t.raised = true
		t.revision++
	}
}
