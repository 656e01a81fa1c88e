package etcderror_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ err, want error }{
		"permission":     {rpctypes.ErrPermissionDenied, registrar.ErrPermission},
		"wrong password": {rpctypes.ErrAuthFailed, registrar.ErrPermission},
		"no user":        {rpctypes.ErrUserEmpty, registrar.ErrPermission},
		"wrapped":        {fmt.Errorf("connecting to etcd: %w", rpctypes.ErrAuthFailed), registrar.ErrPermission},
		"grpc":           {status.Error(codes.PermissionDenied, "no"), registrar.ErrPermission},
		"classified":     {fmt.Errorf("%w: no", registrar.ErrPermission), registrar.ErrPermission},
		"token":          {rpctypes.ErrInvalidAuthToken, registrar.ErrUnavailable},
		"no space":       {rpctypes.ErrNoSpace, registrar.ErrUnavailable},
		"lease":          {rpctypes.ErrLeaseNotFound, registrar.ErrUnavailable},
		"no leader":      {rpctypes.ErrNoLeader, registrar.ErrUnavailable},
		"refused":        {status.Error(codes.Unavailable, "connection refused"), registrar.ErrUnavailable},
		"time-out":       {context.DeadlineExceeded, registrar.ErrUnavailable},
		"closed":         {status.Error(codes.Canceled, "closing"), registrar.ErrUnavailable},
	} {
		if got := etcderror.Classify(tt.err); !errors.Is(got, tt.want) || !errors.Is(got, tt.err) {
			t.Errorf("%s: classified as %v, want %v", name, got, tt.want)
		}
	}
	if err := etcderror.Classify(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	silent, why := errors.New("not answered"), errors.New("connection refused")
	quoted := status.Error(codes.Unavailable, "transport: connection refused")
	for name, tt := range map[string]struct {
		err, why error
		want     string
	}{
		"not known":        {silent, nil, silent.Error()},
		"known":            {silent, why, silent.Error() + ": connection refused"},
		"part of it":       {fmt.Errorf("%w: %w", silent, why), why, silent.Error() + ": connection refused"},
		"quoted by gRPC":   {quoted, why, "connection refused"},
		"of another cause": {context.DeadlineExceeded, why, "context deadline exceeded: connection refused"},
	} {
		if got := etcderror.Explain(tt.err, tt.why); got.Error() != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
