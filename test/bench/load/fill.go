package load

import (
	"context"
	"fmt"
	"iter"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
)

const (
	// MaxPuts is how many operations etcd takes in a transaction by default.
	MaxPuts = 128
	// writers is how many transactions are under way at once, so that etcd has some to
	// commit while it writes others to disk.
	writers = 8
	// perLease is how many keys hang on a lease: instances are registered by many
	// processes with a lease each.
	perLease = 10_000
	// leaseTTL is longer than any run: no lease is renewed.
	leaseTTL = 24 * time.Hour
)

// Fill writes keys to etcd under leases that outlast a run.
func Fill(ctx context.Context, client *clientv3.Client, keys iter.Seq2[string, string]) error {
	var (
		batch []clientv3.Op
		lease clientv3.LeaseID
		n     int
	)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	send := func() {
		ops := batch
		batch = nil
		g.Go(func() error {
			if _, err := client.Txn(ctx).Then(ops...).Commit(); err != nil {
				return fmt.Errorf("writing %d keys: %w", len(ops), err)
			}
			return nil
		})
	}
	for key, value := range keys {
		if n%perLease == 0 {
			grant, err := client.Grant(ctx, int64(leaseTTL.Seconds()))
			if err != nil {
				_ = g.Wait() // the first error counts
				return fmt.Errorf("granting a lease: %w", err)
			}
			lease = grant.ID
		}
		n++
		batch = append(batch, clientv3.OpPut(key, value, clientv3.WithLease(lease)))
		if len(batch) == MaxPuts {
			send()
		}
	}
	if len(batch) > 0 {
		send()
	}
	return g.Wait()
}
