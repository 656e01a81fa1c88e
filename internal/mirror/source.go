package mirror

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// Head is where an etcd was at the time of an answer.
type Head struct {
	// Cluster is the ID of the cluster; 0 where it is not known.
	Cluster uint64
	// Revision is the revision of its contents.
	Revision int64
}

// Count is what etcd had at a revision: where nothing is newer than a copy and
// there are as many keys, none has been deleted either, and they are the same.
type Count struct {
	Head
	// Keys counts the keys.
	Keys int
	// Newer says that one was written after the revision asked about.
	Newer bool
}

// Source is what a mirror needs of etcd. Etcd implements it; tests and the
// memory driver have their own. Any number of calls can be under way at once.
//
// A range is a key of etcd or, ending in '/', a prefix of keys.
type Source interface {
	// List calls fn with all keys of a range as they were at one revision, in
	// ascending order, in pages, and returns that revision: the given one, or the
	// present one if that is 0. The read is linearizable. It stops with fn's
	// error. Pages are valid until fn returns.
	List(ctx context.Context, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (Head, error)
	// Stream opens a watch stream without watches. It ends with ctx, and
	// whenever it breaks: it is for the mirror to open another.
	Stream(ctx context.Context) (Stream, error)
	// Probe makes a linearizable read of one key in or beside a range, on a
	// connection of its own where it can: one that hangs must not pass for an
	// etcd that does.
	Probe(ctx context.Context, rng string) (Head, error)
	// CountSince makes a linearizable read, on a connection as Probe's, of what
	// there is of a range since a revision. It costs etcd a walk through the
	// keys of the range in memory.
	CountSince(ctx context.Context, rng string, since int64) (Count, error)
	// LastError returns why etcd can't be reached, as far as the source knows,
	// for messages: requests often know only that they timed out. It is nil
	// where there is nothing to say.
	LastError() error
}

// allWatches is the ID in responses that speak for all watches of a stream.
const allWatches = -1

// Stream is an open watch stream. Its methods are called by one goroutine.
type Stream interface {
	// Add asks for a watch of a range, under an ID above 0 that the stream has not had.
	// It shows every change after the given revision, and may repeat changes of
	// that revision. A response with the ID says that it was created, or
	// cancelled, and why. An error means that the stream has ended.
	Add(id int64, rng string, after int64) error
	// Remove asks for a watch to be cancelled.
	Remove(id int64) error
	// RequestProgress asks for a response, with the ID -1, that says how far all
	// watches of the stream are. etcd answers only when each has caught up.
	RequestProgress() error
	// Responses yields what arrives, in order. It is closed when the stream has
	// ended.
	Responses() <-chan *pb.WatchResponse
	// Err returns why the stream has ended, once Responses is closed; nil where
	// there is nothing to say.
	Err() error
	// Close ends the stream and waits for its goroutines.
	Close()
}
