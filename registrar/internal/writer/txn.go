package writer

import (
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Limits of a transaction.
const (
	// maxOperations is what etcd takes of a transaction by default, 128, less one for
	// each of two levels within.
	maxOperations = 128 - 2
	// maxBytes keeps a transaction below the 1.5 MiB that etcd takes by default.
	maxBytes = 1 << 20
)

// chunks cuts tasks into runs that fit into one transaction each.
func chunks(root string, tasks []task) [][]task {
	var out [][]task
	start, bytes := 0, 0
	for i, k := range tasks {
		n := len(k.op.value) + 4*(len(root)+len(k.entry.key)) // about: each level within repeats the key
		if i > start && (i-start == maxOperations || bytes+n > maxBytes) {
			out = append(out, tasks[start:i])
			start, bytes = i, 0
		}
		bytes += n
	}
	if start < len(tasks) {
		out = append(out, tasks[start:])
	}
	return out
}

// transaction returns a request that carries out operations on different keys.
func transaction(root string, tasks []task) *pb.TxnRequest {
	r := &pb.TxnRequest{}
	for _, k := range tasks {
		r.Success = append(r.Success, k.op.request([]byte(root+k.entry.key)))
	}
	return r
}

// request returns the operation as one of etcd. A fence makes it a transaction
// within the transaction; where that doesn't hold it reads the key instead.
func (op *operation) request(key []byte) *pb.RequestOp {
	read := &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: key}}}
	var do *pb.RequestOp
	switch op.action {
	case actPut, actMarkDown:
		do = &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: key, Value: op.value, Lease: op.lease}}}
	case actDelete:
		do = &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: key}}}
	default:
		return read
	}
	switch op.fence {
	case ifLease:
		absent := &pb.Compare{Key: key, Target: pb.Compare_CREATE, TargetUnion: &pb.Compare_CreateRevision{}}
		held := &pb.Compare{Key: key, Target: pb.Compare_LEASE, TargetUnion: &pb.Compare_Lease{Lease: op.held}}
		return within(absent, do, within(held, do, read))
	case ifRevision:
		same := &pb.Compare{Key: key, Target: pb.Compare_MOD, TargetUnion: &pb.Compare_ModRevision{ModRevision: op.revision}}
		return within(same, do, read)
	default:
		return do
	}
}

// within returns a transaction within a transaction.
func within(equal *pb.Compare, then, otherwise *pb.RequestOp) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: &pb.TxnRequest{
		Compare: []*pb.Compare{equal}, Success: []*pb.RequestOp{then}, Failure: []*pb.RequestOp{otherwise},
	}}}
}

// outcomes returns what has become of the operations of a transaction.
func outcomes(tasks []task, resp *pb.TxnResponse) ([]outcome, error) {
	if len(resp.Responses) != len(tasks) {
		return nil, fmt.Errorf("etcd answered %d operations with %d results", len(tasks), len(resp.Responses))
	}
	out := make([]outcome, len(tasks))
	for i, r := range resp.Responses {
		out[i] = outcomeOf(r)
	}
	return out, nil
}

// outcomeOf finds the operation that was carried out in the end: every
// transaction within has one in each branch.
func outcomeOf(r *pb.ResponseOp) outcome {
	switch r := r.Response.(type) {
	case *pb.ResponseOp_ResponseTxn:
		if len(r.ResponseTxn.Responses) == 0 {
			return outcome{observed: observed{presence: absent}}
		}
		return outcomeOf(r.ResponseTxn.Responses[0])
	case *pb.ResponseOp_ResponseRange:
		if len(r.ResponseRange.Kvs) == 0 {
			return outcome{observed: observed{presence: absent}}
		}
		kv := r.ResponseRange.Kvs[0]
		return outcome{observed: observed{presence: present, value: kv.Value, lease: kv.Lease, revision: kv.ModRevision}}
	default:
		return outcome{done: true}
	}
}
