package mirror

import (
	"context"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Head is where an etcd was at the time of an answer.
type Head struct {
	// Cluster is the ID of the cluster; 0 where it is not known.
	Cluster uint64
	// Revision is the revision of its contents.
	Revision int64
}

// Census is what etcd had at a revision: where nothing is newer than a copy and
// there are as many keys, none has been deleted either, and they are the same.
type Census struct {
	Head
	// Keys counts the keys.
	Keys int
	// Newer says that one was written after the revision asked about.
	Newer bool
}

// Source is what a mirror needs of etcd. Etcd implements it; tests inject
// their own. Any number of calls can be under way at once.
type Source interface {
	// List calls fn with all keys that start with prefix as they were at one
	// revision, in ascending order, in pages, and returns that revision: the
	// given one, or the present one if that is 0. The read is linearizable. It
	// stops with fn's error. Pages are valid until fn returns.
	List(ctx context.Context, prefix string, at int64, fn func([]*mvccpb.KeyValue) error) (Head, error)
	// Watch opens a watch of the keys that start with prefix, on a stream of
	// its own. It shows every change after the given revision, and may repeat
	// changes of that revision. It ends with ctx, and whenever its stream
	// breaks: it is for the mirror to resume.
	Watch(ctx context.Context, prefix string, after int64) (Watch, error)
	// Probe makes a linearizable read of one key that starts with prefix, on a
	// connection of its own where it can: one that hangs must not pass for an
	// etcd that does.
	Probe(ctx context.Context, prefix string) (Head, error)
	// Census makes a linearizable read, on a connection as Probe's, of what
	// there is of all keys that start with prefix since a revision. It costs
	// etcd a walk through them.
	Census(ctx context.Context, prefix string, since int64) (Census, error)
	// Trouble returns why etcd can't be reached, as far as the source knows,
	// for messages: requests often know only that they timed out. It is nil
	// where there is nothing to say.
	Trouble() error
}

// Watch is an open watch. Its methods are called by one goroutine.
type Watch interface {
	// Responses is closed when the watch has ended. A watch that etcd ends
	// shows it in a last response with an Err.
	Responses() <-chan clientv3.WatchResponse
	// Err returns why the watch has ended, once Responses is closed; nil where
	// there is nothing to say.
	Err() error
	// RequestProgress asks for a response that says how far the watch is.
	RequestProgress(ctx context.Context) error
	// Close ends the watch, releases its stream, and waits for its goroutines.
	Close()
}
