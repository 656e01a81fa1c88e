package faulty

import (
	"context"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// Grant makes a lease.
func (e *Etcd) Grant(ctx context.Context, ttl time.Duration) (int64, time.Duration, error) {
	f, err := e.reach(ctx, "Grant")
	if err != nil {
		return 0, 0, err
	}
	e.count(func(c *Counts) { c.Grants++ })
	if f.NoSpace {
		return 0, 0, rpctypes.ErrNoSpace
	}
	return e.Store.Grant(ctx, ttl)
}

// KeepAlive opens a stream for keepalives.
func (e *Etcd) KeepAlive(ctx context.Context) (func(id int64) (time.Duration, error), error) {
	if _, err := e.reach(ctx, "KeepAlive"); err != nil {
		return nil, err
	}
	renew, err := e.Store.KeepAlive(ctx)
	if err != nil {
		return nil, err
	}
	e.count(func(c *Counts) { c.Streams++; c.Open++ })
	context.AfterFunc(ctx, func() { e.count(func(c *Counts) { c.Open-- }) })
	broken := e.breaking()
	return func(id int64) (time.Duration, error) {
		f, err := e.reach(ctx, "KeepAlive")
		if err != nil {
			return 0, err
		}
		select {
		case <-broken:
			return 0, rpctypes.ErrNoLeader
		default:
		}
		if _, keys, err := e.Store.TimeToLive(ctx, id); err != nil || slices.ContainsFunc(keys, f.denies) {
			return 0, rpctypes.ErrPermissionDenied
		}
		e.count(func(c *Counts) { c.Renewals++ })
		return renew(id)
	}, nil
}

// TimeToLive returns the TTL of a lease and its keys.
func (e *Etcd) TimeToLive(ctx context.Context, id int64) (time.Duration, []string, error) {
	f, err := e.reach(ctx, "TimeToLive")
	if err != nil {
		return 0, nil, err
	}
	e.count(func(c *Counts) { c.LeaseKeys++ })
	ttl, keys, err := e.Store.TimeToLive(ctx, id)
	if slices.ContainsFunc(keys, f.denies) {
		return 0, nil, rpctypes.ErrPermissionDenied
	}
	return ttl, keys, err
}

// Revoke ends a lease.
func (e *Etcd) Revoke(ctx context.Context, id int64) error {
	if _, err := e.reach(ctx, "Revoke"); err != nil {
		return err
	}
	return e.Store.Revoke(ctx, id)
}

// Txn carries out a transaction.
func (e *Etcd) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	f, err := e.reach(ctx, "Txn")
	if err == nil && f.LoseAnswers {
		_, _ = e.Store.Txn(ctx, r)
		<-ctx.Done()
		err = ctx.Err()
	}
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.faults.Record && e.faults.Fail == nil {
			e.unanswered = append(e.unanswered, r)
		}
		return nil, err
	}
	e.count(func(c *Counts) { c.Txns++; c.Largest = max(c.Largest, len(r.Success)) })
	for _, op := range r.Success {
		key, puts := target(op)
		switch {
		case f.denies(key):
			return nil, rpctypes.ErrPermissionDenied
		case puts && f.NoSpace:
			return nil, rpctypes.ErrNoSpace
		}
	}
	return e.Store.Txn(ctx, r)
}

// target returns the key of an operation, and whether it is a put, or can be one.
func target(op *pb.RequestOp) (key string, puts bool) {
	switch op := op.Request.(type) {
	case *pb.RequestOp_RequestPut:
		return string(op.RequestPut.Key), true
	case *pb.RequestOp_RequestDeleteRange:
		return string(op.RequestDeleteRange.Key), false
	case *pb.RequestOp_RequestRange:
		return string(op.RequestRange.Key), false
	case *pb.RequestOp_RequestTxn:
		for _, branch := range [][]*pb.RequestOp{op.RequestTxn.Success, op.RequestTxn.Failure} {
			for _, op := range branch {
				k, p := target(op)
				key, puts = k, puts || p
			}
		}
	}
	return key, puts
}
