package cluster

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Rights are what a user may do with the keys of a range.
type Rights struct {
	// Read and Write are nil where the user may, or why not.
	Read, Write error
	// Authentication says whether etcd has users at all.
	Authentication bool
}

// probeKey is a key below a prefix that readers ignore: what starts with '_' is
// reserved (see package catalog).
const probeKey = "_probe"

// RightsOf finds out what the user of a client may do below a prefix that ends in '/'. It
// writes nothing: etcd checks the rights for both branches of a transaction, and carries
// out one. Errors that are none of rights, such as that etcd is away, are in the result
// too.
func RightsOf(ctx context.Context, etcd Etcd, prefix string) Rights {
	var r Rights
	_, r.Read = etcd.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(1))
	// Without conditions a transaction takes the first branch, which is empty.
	_, r.Write = etcd.Txn(ctx).Else(clientv3.OpPut(prefix+probeKey, "")).Commit()
	if auth, err := etcd.AuthStatus(ctx); err == nil {
		r.Authentication = auth.Enabled
	}
	return r
}
