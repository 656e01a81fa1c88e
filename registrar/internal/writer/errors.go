package writer

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/etcdclient"
)

// deniesUser reports whether etcd refuses the user, whatever is asked. Nothing
// gets through then, so that it is no contact.
func deniesUser(err error) bool { return etcdclient.KindOf(err) == etcdclient.Unauthenticated }

// splits reports whether an error can be about one key of a transaction, so
// that the others go through without it. Others are about the user or the
// server, and each try costs both.
func splits(err error) bool {
	return etcdclient.KindOf(err) == etcdclient.Forbidden ||
		errors.Is(err, rpctypes.ErrRequestTooLarge) || errors.Is(err, rpctypes.ErrTooManyOps)
}
