package driver

import (
	"context"
	"log/slog"
	"sync"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/reader"
)

// lazyReplica is a replica that is opened when the reader or the writer first
// needs it: Open does no I/O.
type lazyReplica struct {
	cfg replica.Config
	log *slog.Logger

	mu      sync.Mutex
	replica *replica.Replica
	closed  bool
}

func newLazyReplica(o *registrar.Options, source mirror.Source) *lazyReplica {
	return &lazyReplica{log: o.Logger, cfg: replica.Config{Source: source, Prefix: o.Prefix, Snapshot: o.Snapshot, Log: o.Logger}}
}

// get returns the replica; nil once it is closed.
func (l *lazyReplica) get() *replica.Replica {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.replica != nil || l.closed {
		return l.replica
	}
	r, err := replica.Open(l.cfg)
	if err != nil {
		l.log.Error("registrar: the replica can't be opened: services can't be read", "error", err)
		l.closed = true
		return nil
	}
	l.replica = r
	return r
}

// open is get for the reader.
func (l *lazyReplica) open() reader.Replica {
	if r := l.get(); r != nil {
		return r
	}
	return nil
}

// followInto implements writer.Follow.
func (l *lazyReplica) followInto(rng string, view mirror.View) (stop func()) {
	r := l.get()
	if r == nil {
		return func() {}
	}
	followed := r.FollowInto(rng, view)
	return func() { r.Unfollow(followed) }
}

// askAlong has the replica ask etcd for progress along with another request.
func (l *lazyReplica) askAlong() {
	l.mu.Lock()
	r := l.replica
	l.mu.Unlock()
	if r != nil {
		r.AskAlong()
	}
}

// close closes the replica, if it was opened, and waits for the disk until ctx is
// done.
func (l *lazyReplica) close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	r := l.replica
	l.replica = nil
	l.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.Close(ctx)
}
