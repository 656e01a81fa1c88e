package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/rosterdns/roster/internal/mirror"
)

// cluster is the backend that is an etcd cluster.
type cluster struct {
	clients mirror.Clients

	mu      sync.Mutex
	client  *clientv3.Client // that watcher is of
	watcher clientv3.Watcher // shared by all keys: one stream
}

var _ backend = (*cluster)(nil)

func (c *cluster) grant(ctx context.Context, ttl time.Duration) (clientv3.LeaseID, time.Duration, error) {
	client, err := c.clients.Client(ctx)
	if err != nil {
		return 0, 0, err
	}
	resp, err := client.Grant(ctx, int64(ttl/time.Second))
	if err != nil {
		return 0, 0, err
	}
	return resp.ID, time.Duration(resp.TTL) * time.Second, nil
}

// keepAlive implements backend by the RPC itself: clientv3.KeepAlive sends at
// fixed intervals, and so has processes that lost the same server renew in step.
// A member without a leader ends the stream, so that the next one goes to
// another. Opening a stream logs in where there are users; a token that runs out
// later ends the stream.
func (c *cluster) keepAlive(ctx context.Context) (keepAliveStream, error) {
	client, err := c.clients.Client(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := pb.NewLeaseClient(client.ActiveConnection()).LeaseKeepAlive(clientv3.WithRequireLeader(ctx))
	if err != nil {
		return nil, rpctypes.Error(err)
	}
	return leaseStream{stream}, nil
}

// leaseStream implements keepAliveStream.
type leaseStream struct {
	grpc grpc.BidiStreamingClient[pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse]
}

func (l leaseStream) renew(id clientv3.LeaseID) (time.Duration, error) {
	// A stream that has ended refuses with io.EOF; receiving says why.
	if err := l.grpc.Send(&pb.LeaseKeepAliveRequest{ID: int64(id)}); err != nil && !errors.Is(err, io.EOF) {
		return 0, rpctypes.Error(err)
	}
	resp, err := l.grpc.Recv()
	if err != nil {
		return 0, rpctypes.Error(err)
	}
	return time.Duration(resp.TTL) * time.Second, nil
}

func (c *cluster) alive(ctx context.Context, id clientv3.LeaseID) (bool, error) {
	client, err := c.clients.Client(ctx)
	if err != nil {
		return false, err
	}
	resp, err := client.TimeToLive(ctx, id)
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return resp.TTL >= 0, nil // 0 is the last second of its life
}

func (c *cluster) revoke(ctx context.Context, id clientv3.LeaseID) error {
	client, err := c.clients.Client(ctx)
	if err != nil {
		return err
	}
	_, err = client.Revoke(ctx, id)
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return nil
	}
	return err
}

func (c *cluster) apply(ctx context.Context, edits []edit) (int64, []outcome, error) {
	client, err := c.clients.Client(ctx)
	if err != nil {
		return 0, nil, err
	}
	ops := make([]clientv3.Op, len(edits))
	for i := range edits {
		ops[i] = edits[i].op()
	}
	resp, err := client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return 0, nil, err
	}
	if len(resp.Responses) != len(edits) {
		return 0, nil, fmt.Errorf("etcd answered %d operations with %d results", len(edits), len(resp.Responses))
	}
	outcomes := make([]outcome, len(edits))
	for i, r := range resp.Responses {
		outcomes[i] = outcomeOf(r)
	}
	return resp.Header.Revision, outcomes, nil
}

// op returns the edit as an operation. A condition makes it a transaction
// within the transaction; where that doesn't hold it reads the key instead.
func (e *edit) op() clientv3.Op {
	read := clientv3.OpGet(e.key)
	var do clientv3.Op
	switch e.action {
	case actionPut:
		do = clientv3.OpPut(e.key, string(e.value), clientv3.WithLease(e.lease))
	case actionDelete:
		do = clientv3.OpDelete(e.key)
	default:
		return read
	}
	one := func(op clientv3.Op) []clientv3.Op { return []clientv3.Op{op} }
	switch e.when {
	case ifAbsentOrLease:
		absent := clientv3.Compare(clientv3.CreateRevision(e.key), "=", 0)
		held := clientv3.Compare(clientv3.LeaseValue(e.key), "=", int64(e.held))
		return clientv3.OpTxn([]clientv3.Cmp{absent}, one(do),
			one(clientv3.OpTxn([]clientv3.Cmp{held}, one(do), one(read))))
	case ifRevision:
		same := clientv3.Compare(clientv3.ModRevision(e.key), "=", e.revision)
		return clientv3.OpTxn([]clientv3.Cmp{same}, one(do), one(read))
	default:
		return do
	}
}

// outcomeOf finds the operation that was made in the end: every transaction
// within has one operation in each branch.
func outcomeOf(r *pb.ResponseOp) outcome {
	switch r := r.Response.(type) {
	case *pb.ResponseOp_ResponseTxn:
		if len(r.ResponseTxn.Responses) == 0 {
			return outcome{}
		}
		return outcomeOf(r.ResponseTxn.Responses[0])
	case *pb.ResponseOp_ResponseRange:
		if len(r.ResponseRange.Kvs) == 0 {
			return outcome{}
		}
		return outcome{found: r.ResponseRange.Kvs[0]}
	default:
		return outcome{done: true}
	}
}

func (c *cluster) watch(ctx context.Context, key string, after int64) clientv3.WatchChan {
	client, err := c.clients.Client(ctx)
	if err != nil {
		ended := make(chan clientv3.WatchResponse)
		close(ended)
		return ended
	}
	c.mu.Lock()
	if c.client != client || c.watcher == nil {
		c.closeWatcher()
		c.client, c.watcher = client, clientv3.NewWatcher(client)
	}
	watcher := c.watcher
	c.mu.Unlock()
	return watcher.Watch(clientv3.WithRequireLeader(ctx), key, clientv3.WithRev(after+1))
}

func (c *cluster) endWatches() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeWatcher()
}

func (c *cluster) trouble() error { return mirror.Etcd{Clients: c.clients}.Trouble() }

func (c *cluster) closeWatcher() {
	if c.watcher != nil {
		_ = c.watcher.Close() // the streams have ended in any case
		c.watcher = nil
	}
}
