package mirror

import (
	"context"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/internal/etcdclient"
)

// probeKey is a key below a prefix that nobody writes: its first character
// reserves it (see package catalog). Reading one key costs the same however
// many there are.
const probeKey = "_probe"

// Requests go to the members that are connected, one after the other. Where one
// refuses a list, which it does before the first page, it is made again at once,
// and so often that others have time to connect, which takes a round trip or two.
const (
	memberTries = 10
	memberBase  = 10 * time.Millisecond
	memberLimit = 200 * time.Millisecond
)

// Clients yields the client to use now. It can be another one each time.
type Clients interface {
	Client(ctx context.Context) (*clientv3.Client, error)
}

// ProbeClients is Clients that can connect anew.
type ProbeClients interface {
	Clients
	// ProbeClient returns a client with connections made just now, and what
	// releases it.
	ProbeClient(ctx context.Context) (client *clientv3.Client, release func(), err error)
}

// Etcd is the Source that reads an etcd cluster; NewEtcd makes one.
type Etcd struct {
	// Clients can be ProbeClients, and can have a method Err() error that says
	// why the last attempt to connect failed.
	Clients Clients
	pages   *pages
}

// NewEtcd returns the Source that reads by these clients.
func NewEtcd(clients Clients) Etcd { return Etcd{Clients: clients, pages: newPages()} }

var _ Source = Etcd{}

// List implements Source by the RangeStream RPC of etcd 3.7, or, where the
// server or a proxy before it doesn't know that, by pages.
func (e Etcd) List(ctx context.Context, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (Head, error) {
	client, err := e.Clients.Client(ctx)
	if err != nil {
		return Head{}, err
	}
	pause := backoff.New(memberBase, memberLimit)
	for tries := 1; ; tries++ {
		head, err := listStream(ctx, client, rng, at, fn)
		switch {
		case status.Code(err) == codes.Unimplemented:
			return e.pages.list(ctx, client, rng, at, fn)
		case etcdclient.KindOf(err) != etcdclient.MemberRefuses, len(client.Endpoints()) == 1, tries == memberTries:
			return head, err
		}
		if pause.Wait(ctx) != nil {
			return Head{}, err
		}
	}
}

// option returns what makes a request of a key one of a range.
func option(rng string) clientv3.OpOption {
	if isPrefix(rng) {
		return clientv3.WithPrefix()
	}
	return func(*clientv3.Op) {}
}

func listStream(ctx context.Context, client *clientv3.Client, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (Head, error) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	stream, err := client.GetStream(ctx, rng, option(rng), clientv3.WithRev(at))
	if err != nil {
		return Head{}, err
	}
	// The client's goroutine waits until its channel is read to the end.
	defer func() {
		cancel()
		for range stream {
		}
	}()
	var head Head
	for chunk := range stream {
		if err := chunk.Err(); err != nil {
			return Head{}, err
		}
		if h := chunk.GetHeader(); h != nil {
			head = headOf(h)
		}
		if err := fn(chunk.Kvs); err != nil {
			return Head{}, err
		}
	}
	if ctx.Err() != nil {
		return Head{}, ctx.Err()
	}
	if head.Revision == 0 {
		return Head{}, fmt.Errorf("the stream of %q ended without a revision", rng)
	}
	if at != 0 {
		head.Revision = at // rather than the header's, which is the present one
	}
	return head, nil
}

func headOf(h *pb.ResponseHeader) Head {
	return Head{Cluster: h.GetClusterId(), Revision: h.GetRevision()}
}

// Probe implements Source.
func (e Etcd) Probe(ctx context.Context, rng string) (Head, error) {
	client, release, err := e.probeClient(ctx)
	if err != nil {
		return Head{}, err
	}
	defer release()
	if isPrefix(rng) {
		rng += probeKey
	}
	resp, err := client.Get(clientv3.WithRequireLeader(ctx), rng)
	if err != nil {
		return Head{}, err
	}
	return headOf(resp.Header), nil
}

// CountSince implements Source by one request: with a condition on revisions etcd
// counts all keys of the range whatever the limit is. Since etcd 3.7 it looks
// at its index alone, in memory, where no values are asked for.
func (e Etcd) CountSince(ctx context.Context, rng string, since int64) (Count, error) {
	client, release, err := e.probeClient(ctx)
	if err != nil {
		return Count{}, err
	}
	defer release()
	resp, err := client.Get(clientv3.WithRequireLeader(ctx), rng, option(rng), clientv3.WithKeysOnly(),
		clientv3.WithMinModRev(since+1), clientv3.WithLimit(1))
	if err != nil {
		return Count{}, err
	}
	return Count{Head: headOf(resp.Header), Keys: int(resp.Count), Newer: len(resp.Kvs) > 0}, nil
}

// probeClient returns a client with connections of its own where Clients can make
// one, and what releases it.
func (e Etcd) probeClient(ctx context.Context) (client *clientv3.Client, release func(), err error) {
	if c, ok := e.Clients.(ProbeClients); ok {
		return c.ProbeClient(ctx)
	}
	client, err = e.Clients.Client(ctx)
	return client, func() {}, err
}

// LastError implements Source.
func (e Etcd) LastError() error {
	if c, ok := e.Clients.(interface{ Err() error }); ok {
		return c.Err()
	}
	return nil
}
