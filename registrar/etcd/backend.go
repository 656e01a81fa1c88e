package etcd

import (
	"context"
	"errors"
	"io"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar/internal/writer"
)

// backend implements writer.Backend by an etcd cluster.
type backend struct{ clients mirror.Clients }

var _ writer.Backend = backend{}

// Grant implements writer.Backend.
func (b backend) Grant(ctx context.Context, ttl time.Duration) (id int64, granted time.Duration, err error) {
	client, err := b.clients.Client(ctx)
	if err != nil {
		return 0, 0, err
	}
	resp, err := client.Grant(ctx, int64(ttl/time.Second))
	if err != nil {
		return 0, 0, err
	}
	return int64(resp.ID), time.Duration(resp.TTL) * time.Second, nil
}

// KeepAlive implements writer.Backend by the RPC itself: clientv3.KeepAlive sends
// at fixed intervals, and so has processes that lost the same server renew in
// step. A member without a leader ends the stream, so that the next one goes to
// another. Opening a stream logs in where there are users; a token that expires
// later ends the stream.
func (b backend) KeepAlive(ctx context.Context) (renew func(id int64) (time.Duration, error), err error) {
	client, err := b.clients.Client(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := pb.NewLeaseClient(client.ActiveConnection()).LeaseKeepAlive(clientv3.WithRequireLeader(ctx))
	if err != nil {
		return nil, rpctypes.Error(err)
	}
	return func(id int64) (time.Duration, error) {
		// A stream that has ended refuses with io.EOF; receiving says why.
		if err := stream.Send(&pb.LeaseKeepAliveRequest{ID: id}); err != nil && !errors.Is(err, io.EOF) {
			return 0, rpctypes.Error(err)
		}
		resp, err := stream.Recv()
		if err != nil {
			return 0, rpctypes.Error(err)
		}
		return time.Duration(resp.TTL) * time.Second, nil
	}, nil
}

// TimeToLive implements writer.Backend.
func (b backend) TimeToLive(ctx context.Context, id int64) (left time.Duration, keys []string, err error) {
	client, err := b.clients.Client(ctx)
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return -1, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	for _, key := range resp.Keys {
		keys = append(keys, string(key))
	}
	return time.Duration(resp.TTL) * time.Second, keys, nil // 0 is the last second of its life
}

// Revoke implements writer.Backend.
func (b backend) Revoke(ctx context.Context, id int64) error {
	client, err := b.clients.Client(ctx)
	if err != nil {
		return err
	}
	_, err = client.Revoke(ctx, clientv3.LeaseID(id))
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return nil
	}
	return err
}

// Txn implements writer.Backend.
func (b backend) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	client, err := b.clients.Client(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := clientv3.RetryKVClient(client).Txn(ctx, r)
	if err != nil {
		return nil, clientv3.ContextError(ctx, err)
	}
	return resp, nil
}

// LastError implements writer.Backend.
func (b backend) LastError() error { return mirror.Etcd{Clients: b.clients}.LastError() }
