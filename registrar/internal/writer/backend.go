// Package writer keeps a client's instances in etcd. It is a reconciler: what the
// program desires of a key, and what is observed of it in etcd, decide by one
// pure function what is done next. Answers to writes, what a mirror shows of the
// keys, and the keys of the client's lease are all observations.
package writer

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/internal/mirror"
)

// Backend is what the writer needs of an etcd. Errors are those of clientv3. Any
// number of calls can be under way at once.
type Backend interface {
	// Grant makes a lease and returns its ID, and the TTL that etcd chose.
	Grant(ctx context.Context, ttl time.Duration) (id int64, granted time.Duration, err error)
	// KeepAlive opens a stream for keepalives, which ends with ctx; that has to be
	// ended in any case. The function renews a lease, one at a time, and returns
	// for how long: 0 or less says that the lease is gone. After an error the
	// stream is of no more use.
	KeepAlive(ctx context.Context) (renew func(id int64) (time.Duration, error), err error)
	// TimeToLive returns what a lease has left, less than 0 if it is gone, and the
	// keys that hang on it.
	TimeToLive(ctx context.Context, id int64) (left time.Duration, keys []string, err error)
	// Revoke ends a lease and deletes its keys. One that is gone is no error.
	Revoke(ctx context.Context, id int64) error
	// Txn carries out a transaction.
	Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error)
	// LastError returns why etcd can't be reached, as far as is known, for
	// messages: requests often know only that they timed out.
	LastError() error
}

// Follow has a mirror show the keys of a range, below the registry's root, to a
// view, until stop is called. Both return at once.
type Follow func(rng string, view mirror.View) (stop func())
