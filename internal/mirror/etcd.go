package mirror

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pageSize is the number of keys of a page where etcd can't stream. Each page
// makes etcd count all keys that remain, so that small pages are quadratic;
// 100,000 instances of a usual size are some 20 MiB.
const pageSize = 100_000

// probeKey is a key below a prefix that nobody writes: its first character
// reserves it (see package catalog). Reading one key costs the same however
// many there are.
const probeKey = "_probe"

// Clients yields the client to use now. It can be another one each time.
type Clients interface {
	Client(ctx context.Context) (*clientv3.Client, error)
}

// Etcd is the Source that reads an etcd cluster.
type Etcd struct {
	// Clients can have a method Err() error that says why the last attempt to
	// connect failed.
	Clients Clients
}

var _ Source = Etcd{}

// List implements Source by the RangeStream RPC of etcd 3.7, or, where the
// server or a proxy before it doesn't know that, by pages.
func (e Etcd) List(ctx context.Context, prefix string, fn func([]*mvccpb.KeyValue) error) (int64, error) {
	client, err := e.Clients.Client(ctx)
	if err != nil {
		return 0, err
	}
	revision, err := listStream(ctx, client, prefix, fn)
	if status.Code(err) == codes.Unimplemented {
		return listPages(ctx, client, prefix, fn)
	}
	return revision, err
}

func listStream(ctx context.Context, client *clientv3.Client, prefix string, fn func([]*mvccpb.KeyValue) error) (int64, error) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	stream, err := client.GetStream(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return 0, err
	}
	// The client's goroutine waits until its channel is read to the end.
	defer func() {
		cancel()
		for range stream {
		}
	}()
	var revision int64
	for chunk := range stream {
		if err := chunk.Err(); err != nil {
			return 0, err
		}
		if h := chunk.GetHeader(); h != nil {
			revision = h.Revision
		}
		if err := fn(chunk.Kvs); err != nil {
			return 0, err
		}
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if revision == 0 {
		return 0, fmt.Errorf("the stream of %q ended without a revision", prefix)
	}
	return revision, nil
}

func listPages(ctx context.Context, client *clientv3.Client, prefix string, fn func([]*mvccpb.KeyValue) error) (int64, error) {
	ctx = clientv3.WithRequireLeader(ctx)
	end := clientv3.GetPrefixRangeEnd(prefix)
	var revision int64
	for from := prefix; ; {
		// The first page fixes the revision; a compaction of it meanwhile is
		// an error, after which the mirror starts anew.
		resp, err := client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageSize), clientv3.WithRev(revision))
		if err != nil {
			return 0, err
		}
		if revision == 0 {
			revision = resp.Header.Revision
		}
		if err := fn(resp.Kvs); err != nil {
			return 0, err
		}
		if !resp.More || len(resp.Kvs) == 0 {
			return revision, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

// Probe implements Source.
func (e Etcd) Probe(ctx context.Context, prefix string) (int64, error) {
	client, err := e.Clients.Client(ctx)
	if err != nil {
		return 0, err
	}
	resp, err := client.Get(clientv3.WithRequireLeader(ctx), prefix+probeKey)
	if err != nil {
		return 0, err
	}
	return resp.Header.Revision, nil
}

// Trouble implements Source.
func (e Etcd) Trouble() error {
	if c, ok := e.Clients.(interface{ Err() error }); ok {
		return c.Err()
	}
	return nil
}

// Watch implements Source. The watch starts at the given revision rather than
// after it: an idle etcd answers progress requests only to watches that have
// caught up, which one that starts in the future has not.
func (e Etcd) Watch(ctx context.Context, prefix string, after int64) (Watch, error) {
	client, err := e.Clients.Client(ctx)
	if err != nil {
		return nil, err
	}
	// A watcher of its own has a stream of its own.
	watcher := clientv3.NewWatcher(client)
	responses := watcher.Watch(clientv3.WithRequireLeader(ctx), prefix, clientv3.WithPrefix(), clientv3.WithRev(after))
	return &etcdWatch{watcher, responses}, nil
}

type etcdWatch struct {
	watcher   clientv3.Watcher
	responses clientv3.WatchChan
}

func (w *etcdWatch) Responses() <-chan clientv3.WatchResponse { return w.responses }

// RequestProgress implements Watch. clientv3 keeps one stream for each set of
// metadata in the context, so that the request needs the metadata of the watch.
func (w *etcdWatch) RequestProgress(ctx context.Context) error {
	return w.watcher.RequestProgress(clientv3.WithRequireLeader(ctx))
}

func (w *etcdWatch) Close() {
	_ = w.watcher.Close() // the watch has ended in any case
}
