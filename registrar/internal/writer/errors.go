package writer

import (
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/registrar"
)

// classify wraps an error of etcd in the registrar's that fits.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case denied(err):
		return fmt.Errorf("%w: %w", registrar.ErrPermission, err)
	default:
		return fmt.Errorf("etcd %w: %w", registrar.ErrUnavailable, err)
	}
}

// explain adds to an error that means no answer why there is none; why is nil
// if that is not known.
func explain(err, why error) error {
	switch {
	case why == nil || errors.Is(err, why):
		return err
	case strings.Contains(err.Error(), why.Error()):
		return why // which gRPC has made a part of its text
	}
	return fmt.Errorf("%w: %w", err, why)
}

// denied reports whether etcd refuses the user, or what the user asks. An invalid
// token is none of this: it has expired, and the client gets another.
func denied(err error) bool {
	return errors.Is(err, registrar.ErrPermission) || codeOf(err) == codes.PermissionDenied || deniesUser(err)
}

// deniesUser reports whether etcd refuses the user, whatever is asked. Nothing
// gets through then, so that it is no contact.
func deniesUser(err error) bool {
	return errors.Is(err, rpctypes.ErrAuthFailed) || errors.Is(err, rpctypes.ErrUserEmpty) ||
		errors.Is(err, rpctypes.ErrPermissionNotGranted)
}

// away reports whether an error means that etcd gave no answer, rather than one
// that refuses.
func away(err error) bool {
	switch codeOf(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	case codes.Unknown:
		return !denied(err) // of the client's own, such as a context's
	}
	return false
}

func codeOf(err error) codes.Code {
	if answered, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return answered.Code()
	}
	return status.Code(err)
}

// splits reports whether an error can be about one key of a transaction, so
// that the others go through without it. Others are about the user or the
// server, and each try costs both.
func splits(err error) bool {
	return errors.Is(err, rpctypes.ErrPermissionDenied) ||
		errors.Is(err, rpctypes.ErrRequestTooLarge) || errors.Is(err, rpctypes.ErrTooManyOps)
}
