package mirror

import (
	"context"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Source is what a mirror needs of etcd. Etcd implements it; tests inject
// their own. Methods are called by one goroutine at a time but for Probe.
type Source interface {
	// List calls fn with all keys that start with prefix as they were at one
	// revision, in ascending order, in pages, and returns that revision. The
	// read is linearizable. It stops with fn's error. Pages are valid until fn
	// returns.
	List(ctx context.Context, prefix string, fn func([]*mvccpb.KeyValue) error) (revision int64, err error)
	// Watch opens a watch of the keys that start with prefix, on a stream of
	// its own. It shows every change after the given revision, and may repeat
	// changes of that revision. It ends with ctx.
	Watch(ctx context.Context, prefix string, after int64) (Watch, error)
	// Probe makes a linearizable read of one key that starts with prefix and
	// returns the revision of the answer.
	Probe(ctx context.Context, prefix string) (revision int64, err error)
	// Trouble returns why etcd can't be reached, as far as the source knows,
	// for messages: requests often know only that they timed out. It is nil
	// where there is nothing to say, and safe for concurrent use.
	Trouble() error
}

// Watch is an open watch.
type Watch interface {
	// Responses is closed when the watch has ended. The last response before
	// has an Err, unless the watch's context is done.
	Responses() <-chan clientv3.WatchResponse
	// RequestProgress asks for a response that says how far the watch is.
	RequestProgress(ctx context.Context) error
	// Close ends the watch and releases its stream.
	Close()
}
