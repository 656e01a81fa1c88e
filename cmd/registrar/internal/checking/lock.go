package checking

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/etcdclient"
)

// LockKey returns the key of the lock for instances of a service: one for all of them, and
// one for each selection. It has a component that readers of the registry ignore.
func LockKey(prefix string, service catalog.ServiceName, ids []string) string {
	selection := "all"
	if len(ids) > 0 {
		sum := sha256.Sum256([]byte(strings.Join(slices.Compact(slices.Sorted(slices.Values(ids))), "/")))
		selection = hex.EncodeToString(sum[:8])
	}
	return catalog.ServicePrefix(prefix, service.Namespace, service.Name) + "_check/" + selection
}

// Lock is a lock in etcd that one process holds at a time, until it releases it or is
// silent for longer than TTL.
type Lock struct {
	Conn *etcdclient.Conn
	Key  string
	// TTL is in whole seconds.
	TTL time.Duration
	// Waiting is called when another process has the lock.
	Waiting func()
}

// Hold waits for the lock, and calls do with etcd, and with a condition for writes that is
// true while the lock is held. The context of do ends when the lock is lost, or ctx is
// done. Errors are those of etcd; nil says that do has returned.
func (l *Lock) Hold(ctx context.Context, do func(ctx context.Context, kv clientv3.KV, owner clientv3.Cmp)) error {
	client, err := l.Conn.Client(ctx)
	if err != nil {
		return err
	}
	session, err := l.session(ctx, client)
	if err != nil {
		return err
	}
	defer release(client, session)
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(session.Ctx(), cancel)()
	mutex := concurrency.NewMutex(session, l.Key)
	err = mutex.TryLock(held)
	if errors.Is(err, concurrency.ErrLocked) {
		l.Waiting()
		err = mutex.Lock(held)
	}
	if err != nil {
		return err
	}
	do(held, client, mutex.IsOwner())
	return nil
}

// session returns a lease that is kept alive. It outlives ctx, so that it can be revoked.
func (l *Lock) session(ctx context.Context, client *clientv3.Client) (*concurrency.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	lease, err := client.Grant(ctx, int64(l.TTL/time.Second))
	if err != nil {
		return nil, err
	}
	return concurrency.NewSession(client, concurrency.WithLease(lease.ID))
}

// release lets the next process have the lock at once. Without an answer it gets it when
// the lease expires.
func release(client *clientv3.Client, session *concurrency.Session) {
	session.Orphan()
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	_, _ = client.Revoke(ctx, session.Lease())
}
