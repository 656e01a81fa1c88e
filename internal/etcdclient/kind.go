package etcdclient

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Kind is what an error of etcd, or of a client on the way to it, means for
// whoever made the request.
type Kind uint8

const (
	// Refused is an answer that is none of the others: the same request will
	// get it again.
	Refused Kind = iota
	// NoAnswer is no answer: etcd can't be reached, or took too long. Whether a
	// write was done is not known.
	NoAnswer
	// Forbidden is a user that lacks the permission for the keys of the request.
	// Other requests can succeed.
	Forbidden
	// Unauthenticated is a user that etcd doesn't let in: a wrong password, or
	// none. No request succeeds.
	Unauthenticated
	// StaleToken is a token that has run out, or is older than the last change
	// of users: with another one the request succeeds.
	StaleToken
	// Compacted is a revision that etcd knows no more.
	Compacted
	// FutureRevision is a revision that etcd has not reached.
	FutureRevision
	// NoLeader is a member without a leader: it may be cut off, others not.
	NoLeader
	// MemberRefuses is a member that doesn't serve such requests, as a learner:
	// others do.
	MemberRefuses
	// Corrupt is a cluster that has found its members to differ.
	Corrupt
)

// kinds are the errors that say more than their code.
var kinds = map[error]Kind{
	rpctypes.ErrPermissionDenied:                           Forbidden,
	rpctypes.ErrPermissionNotGranted:                       Forbidden,
	rpctypes.ErrAuthFailed:                                 Unauthenticated,
	rpctypes.ErrUserEmpty:                                  Unauthenticated,
	rpctypes.ErrInvalidAuthToken:                           StaleToken,
	rpctypes.ErrAuthOldRevision:                            StaleToken,
	rpctypes.ErrCompacted:                                  Compacted,
	rpctypes.ErrFutureRev:                                  FutureRevision,
	rpctypes.ErrNoLeader:                                   NoLeader,
	rpctypes.ErrCorrupt:                                    Corrupt,
	rpctypes.Error(rpctypes.ErrGRPCNotSupportedForLearner): MemberRefuses,
}

// KindOf returns what an error means. It knows errors of clientv3, and of gRPC
// as it returns them. An error without a code is the client's own, as a
// context's: NoAnswer.
func KindOf(err error) Kind {
	answered, ok := errors.AsType[rpctypes.EtcdError](err)
	if !ok {
		grpcErr, ok := errors.AsType[interface {
			error
			GRPCStatus() *status.Status
		}](err)
		if !ok {
			return NoAnswer
		}
		s := grpcErr.GRPCStatus()
		if answered, ok = errors.AsType[rpctypes.EtcdError](rpctypes.Error(s.Err())); !ok {
			return kindOfCode(s.Code())
		}
	}
	if kind, ok := kinds[answered]; ok {
		return kind
	}
	return kindOfCode(answered.Code())
}

func kindOfCode(code codes.Code) Kind {
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unknown:
		return NoAnswer
	case codes.PermissionDenied:
		return Forbidden
	}
	return Refused
}

// Away reports whether an error means that etcd gave no answer that would be the
// same the next time.
func Away(err error) bool {
	switch KindOf(err) {
	case NoAnswer, NoLeader, MemberRefuses:
		return true
	}
	return false
}

// Denied reports whether etcd refuses the user. A stale token is none of this:
// the client gets another.
func Denied(err error) bool {
	kind := KindOf(err)
	return kind == Forbidden || kind == Unauthenticated
}
