package etcdclient

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestKindOf checks each kind as clientv3 returns it, as gRPC does, and wrapped.
func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err          error
		kind         Kind
		away, denied bool
	}{
		{rpctypes.ErrGRPCPermissionDenied, Forbidden, false, true},
		{status.Error(codes.PermissionDenied, "by a proxy"), Forbidden, false, true},
		{rpctypes.ErrGRPCAuthFailed, Unauthenticated, false, true},
		{rpctypes.ErrGRPCUserEmpty, Unauthenticated, false, true},
		{rpctypes.ErrGRPCInvalidAuthToken, StaleToken, false, false},
		{rpctypes.ErrGRPCAuthOldRevision, StaleToken, false, false},
		{rpctypes.ErrGRPCCompacted, Compacted, false, false},
		{rpctypes.ErrGRPCFutureRev, FutureRevision, false, false},
		{rpctypes.ErrGRPCNoLeader, NoLeader, true, false},
		{rpctypes.ErrGRPCNotSupportedForLearner, MemberRefuses, true, false},
		{rpctypes.ErrGRPCCorrupt, Corrupt, false, false},
		{rpctypes.ErrGRPCTimeout, NoAnswer, true, false},
		{rpctypes.ErrGRPCRequestTooLarge, Refused, false, false},
		{rpctypes.ErrGRPCNoSpace, Refused, false, false},
		{status.Error(codes.Unavailable, "connection refused"), NoAnswer, true, false},
		{status.Error(codes.Unimplemented, "unknown method"), Refused, false, false},
		{context.DeadlineExceeded, NoAnswer, true, false},
		{ErrClosed, NoAnswer, true, false},
		{errors.New("of the client's own"), NoAnswer, true, false},
	} {
		for _, err := range []error{tt.err, rpctypes.Error(tt.err), fmt.Errorf("wrapped: %w", tt.err), fmt.Errorf("wrapped: %w", rpctypes.Error(tt.err))} {
			if got := KindOf(err); got != tt.kind {
				t.Errorf("%v (%T) is of kind %d, want %d", err, err, got, tt.kind)
			}
			if Away(err) != tt.away || Denied(err) != tt.denied {
				t.Errorf("%v: away %v, denied %v, want %v, %v", err, Away(err), Denied(err), tt.away, tt.denied)
			}
		}
	}
}
