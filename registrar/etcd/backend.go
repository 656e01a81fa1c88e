package etcd

import (
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// backend is what the writing side needs of etcd; tests inject their own. Its
// errors are those of clientv3.
type backend interface {
	// grant makes a lease and returns its ID, and the TTL that the server
	// chose.
	grant(ctx context.Context, ttl time.Duration) (clientv3.LeaseID, time.Duration, error)
	// keepAlive opens a stream for keepalives of leases, which ends with ctx.
	keepAlive(ctx context.Context) (keepAliveStream, error)
	// alive reports whether the lease exists.
	alive(ctx context.Context, id clientv3.LeaseID) (bool, error)
	// revoke ends a lease and deletes its keys.
	revoke(ctx context.Context, id clientv3.LeaseID) error
	// apply makes edits of different keys in one transaction and returns the
	// revision after it. Edits whose condition doesn't hold are left out
	// without an error; outcomes are in the order of edits.
	apply(ctx context.Context, edits []edit) (revision int64, outcomes []outcome, err error)
	// watch shows the changes of a key after a revision. The channel is closed
	// when the watch has ended, which it does with ctx and with any error.
	watch(ctx context.Context, key string, after int64) clientv3.WatchChan
	// endWatches ends all watches; later ones get a new stream.
	endWatches()
	// reconnects calls fn each time that a connection is back that was lost,
	// until ctx is done. Watches are resumed then in silence, also on an etcd
	// that has gone back to an older revision.
	reconnects(ctx context.Context, fn func())
	// trouble returns why there is no connection, as far as is known; requests
	// only know that they timed out.
	trouble() error
}

// keepAliveStream carries keepalives, one at a time. It ends with the context
// that it was opened with, which its user has to end in any case.
type keepAliveStream interface {
	// renew renews a lease and returns for how long; 0 or less says that the
	// lease is gone. After an error the stream is of no more use.
	renew(id clientv3.LeaseID) (time.Duration, error)
}

// action is what an edit does to its key.
type action uint8

const (
	actionRead action = iota
	actionPut
	actionDelete
)

// condition says when an edit is made.
type condition uint8

const (
	// always makes the edit whatever there is.
	always condition = iota
	// ifAbsentOrLease makes it if the key is absent, or hangs on edit.held.
	ifAbsentOrLease
	// ifRevision makes it if the key was last changed at edit.revision.
	ifRevision
)

// edit is a conditional change of one key, or a read of it.
type edit struct {
	action action
	key    string
	value  []byte           // of a put
	lease  clientv3.LeaseID // of a put

	when     condition
	held     clientv3.LeaseID
	revision int64
}

// size is what the edit adds to a request, about.
func (e *edit) size() int { return len(e.value) + 3*len(e.key) }

// outcome is what became of an edit.
type outcome struct {
	// done says that the edit was made.
	done bool
	// found is the key as it is where the edit was not made, and what a read
	// found; nil if the key is absent.
	found *mvccpb.KeyValue
}

// Limits of a request to etcd.
const (
	// maxEdits keeps a transaction, and one more level within it, below the 128
	// operations that etcd takes by default.
	maxEdits = 100
	// maxBytes keeps a request below the 1.5 MiB that etcd takes by default.
	maxBytes = 1 << 20
)

// chunks cuts jobs into runs that fit into one request each.
func chunks(jobs []*job) [][]*job {
	var out [][]*job
	start, bytes := 0, 0
	for i, j := range jobs {
		n := j.edit.size()
		if i > start && (i-start == maxEdits || bytes+n > maxBytes) {
			out = append(out, jobs[start:i])
			start, bytes = i, 0
		}
		bytes += n
	}
	if start < len(jobs) {
		out = append(out, jobs[start:])
	}
	return out
}
