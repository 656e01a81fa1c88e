package etcd

import (
	"context"
	"errors"
	"fmt"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/registrar"
)

// shape writes an operation down, with its conditions.
func shape(op clientv3.Op) string {
	key := string(op.KeyBytes())
	switch {
	case op.IsPut():
		return fmt.Sprintf("put(%s=%s)", key, op.ValueBytes())
	case op.IsGet():
		return "get(" + key + ")"
	case op.IsDelete():
		return "delete(" + key + ")"
	}
	cmps, then, otherwise := op.Txn()
	if len(cmps) != 1 || len(then) != 1 || len(otherwise) != 1 {
		return fmt.Sprintf("a transaction of %d, %d and %d", len(cmps), len(then), len(otherwise))
	}
	cmp := cmps[0].GetCompare()
	var operand int64
	switch u := cmp.TargetUnion.(type) {
	case *pb.Compare_CreateRevision:
		operand = u.CreateRevision
	case *pb.Compare_ModRevision:
		operand = u.ModRevision
	case *pb.Compare_Lease:
		operand = u.Lease
	}
	return fmt.Sprintf("if %s(%s) %s %d {%s} else {%s}", cmp.Target, cmp.Key, cmp.Result, operand, shape(then[0]), shape(otherwise[0]))
}

func TestEditAsOperation(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]edit{
		"get(k)":    {action: actionRead, key: "k", when: ifRevision},
		"put(k=v)":  {action: actionPut, key: "k", value: []byte("v")},
		"delete(k)": {action: actionDelete, key: "k"},
		"if MOD(k) EQUAL 7 {delete(k)} else {get(k)}": {
			action: actionDelete, key: "k", when: ifRevision, revision: 7,
		},
		"if CREATE(k) EQUAL 0 {put(k=v)} else {if LEASE(k) EQUAL 9 {put(k=v)} else {get(k)}}": {
			action: actionPut, key: "k", value: []byte("v"), when: ifAbsentOrLease, held: 9,
		},
	} {
		if got := shape(e.op()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	kv := &mvccpb.KeyValue{Key: []byte("k")}
	put := &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{ResponsePut: &pb.PutResponse{}}}
	found := &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{Kvs: []*mvccpb.KeyValue{kv}}}}
	absent := &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{}}}
	within := func(ops ...*pb.ResponseOp) *pb.ResponseOp {
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseTxn{ResponseTxn: &pb.TxnResponse{Responses: ops}}}
	}
	for name, tt := range map[string]struct {
		op   *pb.ResponseOp
		want outcome
	}{
		"put":               {put, outcome{done: true}},
		"put two levels in": {within(within(put)), outcome{done: true}},
		"refused":           {within(within(found)), outcome{found: kv}},
		"absent":            {within(absent), outcome{}},
		"empty":             {within(), outcome{}},
	} {
		if got := outcomeOf(tt.op); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		want   error
		silent bool
	}{
		"permission":     {rpctypes.ErrPermissionDenied, registrar.ErrPermission, false},
		"wrong password": {rpctypes.ErrAuthFailed, registrar.ErrPermission, false},
		"no user":        {rpctypes.ErrUserEmpty, registrar.ErrPermission, false},
		"wrapped":        {fmt.Errorf("connecting to etcd: %w", rpctypes.ErrAuthFailed), registrar.ErrPermission, false},
		"grpc":           {status.Error(codes.PermissionDenied, "no"), registrar.ErrPermission, false},
		"token":          {rpctypes.ErrInvalidAuthToken, registrar.ErrUnavailable, false},
		"no space":       {rpctypes.ErrNoSpace, registrar.ErrUnavailable, false},
		"lease":          {rpctypes.ErrLeaseNotFound, registrar.ErrUnavailable, false},
		"no leader":      {rpctypes.ErrNoLeader, registrar.ErrUnavailable, true},
		"refused":        {status.Error(codes.Unavailable, "connection refused"), registrar.ErrUnavailable, true},
		"time-out":       {context.DeadlineExceeded, registrar.ErrUnavailable, true},
		"closed":         {status.Error(codes.Canceled, "closing"), registrar.ErrUnavailable, true},
	} {
		if got := classify(tt.err); !errors.Is(got, tt.want) || !errors.Is(got, tt.err) {
			t.Errorf("%s: classified as %v, want %v", name, got, tt.want)
		}
		if got := away(tt.err); got != tt.silent {
			t.Errorf("%s: away is %v", name, got)
		}
	}
	if err := classify(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	why := errors.New("connection refused")
	quoted := status.Error(codes.Unavailable, "transport: connection refused")
	for name, tt := range map[string]struct {
		err, why error
		want     string
	}{
		"not known":        {errSilent, nil, errSilent.Error()},
		"known":            {errSilent, why, errSilent.Error() + ": connection refused"},
		"part of it":       {fmt.Errorf("%w: %w", errSilent, why), why, errSilent.Error() + ": connection refused"},
		"quoted by gRPC":   {quoted, why, "connection refused"},
		"of another cause": {context.DeadlineExceeded, why, "context deadline exceeded: connection refused"},
	} {
		if got := explain(tt.err, tt.why); got.Error() != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
