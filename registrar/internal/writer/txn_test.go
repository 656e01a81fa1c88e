package writer

import (
	"fmt"
	"reflect"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// shape writes an operation of etcd down, with its conditions.
func shape(op *pb.RequestOp) string {
	switch op := op.Request.(type) {
	case *pb.RequestOp_RequestPut:
		return fmt.Sprintf("put(%s=%s,%d)", op.RequestPut.Key, op.RequestPut.Value, op.RequestPut.Lease)
	case *pb.RequestOp_RequestRange:
		return fmt.Sprintf("get(%s)", op.RequestRange.Key)
	case *pb.RequestOp_RequestDeleteRange:
		return fmt.Sprintf("delete(%s)", op.RequestDeleteRange.Key)
	case *pb.RequestOp_RequestTxn:
		r := op.RequestTxn
		if len(r.Compare) != 1 || len(r.Success) != 1 || len(r.Failure) != 1 {
			return fmt.Sprintf("a transaction of %d, %d and %d", len(r.Compare), len(r.Success), len(r.Failure))
		}
		c := r.Compare[0]
		operand := c.GetCreateRevision() + c.GetModRevision() + c.GetLease()
		return fmt.Sprintf("if %s(%s) %s %d {%s} else {%s}", c.Target, c.Key, c.Result, operand, shape(r.Success[0]), shape(r.Failure[0]))
	}
	return "?"
}

func TestOperationAsRequest(t *testing.T) {
	t.Parallel()
	for want, op := range map[string]operation{
		"get(k)":      {action: actRead},
		"put(k=v,3)":  {action: actPut, value: []byte("v"), lease: 3},
		"delete(k)":   {action: actDelete},
		"put(k=d,3)":  {action: actMarkDown, value: []byte("d"), lease: 3},
		"put(k=v2,0)": {action: actPut, value: []byte("v2")},
		"if MOD(k) EQUAL 7 {delete(k)} else {get(k)}": {
			action: actDelete, fence: ifRevision, revision: 7,
		},
		"if MOD(k) EQUAL 7 {put(k=d,3)} else {get(k)}": {
			action: actMarkDown, value: []byte("d"), lease: 3, fence: ifRevision, revision: 7,
		},
		"if CREATE(k) EQUAL 0 {put(k=v,3)} else {if LEASE(k) EQUAL 9 {put(k=v,3)} else {get(k)}}": {
			action: actPut, value: []byte("v"), lease: 3, fence: ifLease, held: 9,
		},
	} {
		if got := shape(op.request([]byte("k"))); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	put := &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{ResponsePut: &pb.PutResponse{}}}
	found := &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{
		Kvs: []*mvccpb.KeyValue{{Key: []byte("k"), Value: []byte("v"), Lease: 3, ModRevision: 7}},
	}}}
	none := &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{}}}
	within := func(ops ...*pb.ResponseOp) *pb.ResponseOp {
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseTxn{ResponseTxn: &pb.TxnResponse{Responses: ops}}}
	}
	for name, tt := range map[string]struct {
		op   *pb.ResponseOp
		want outcome
	}{
		"put":               {put, outcome{done: true}},
		"put two levels in": {within(within(put)), outcome{done: true}},
		"refused":           {within(within(found)), outcome{observed: observed{presence: present, value: []byte("v"), lease: 3, revision: 7}}},
		"absent":            {within(none), outcome{observed: observed{presence: absent}}},
		"empty":             {within(), outcome{observed: observed{presence: absent}}},
	} {
		if got := outcomeOf(tt.op); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
	if _, err := outcomes(make([]task, 2), &pb.TxnResponse{Responses: []*pb.ResponseOp{put}}); err == nil {
		t.Error("one result for two operations is no error")
	}
}
