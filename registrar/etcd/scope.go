package etcd

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

// firstWait is how long after its start a mirror is waited for.
const firstWait = time.Second

// scope is a mirror and the store that it alone feeds, so that two mirrors of
// the same keys don't meddle with each other's.
type scope struct {
	mirror.Unobserved
	prefix   string
	store    *services.Store
	mirror   *mirror.Mirror
	started  time.Time
	prepared chan struct{} // closed when the mirror starts
	// restored says that it started from a snapshot.
	restored atomic.Bool
	bare     bool // it started before the snapshot was loaded; the reader's mutex guards it
	stop     context.CancelFunc
	trouble  func() error
	moved    chan struct{} // closed when the services have moved to another scope

	refuse  sync.Once
	refused chan struct{} // closed when etcd refuses the user
	fail    sync.Once
	failed  chan struct{} // closed when a first list has failed
}

var _ mirror.Observer = (*scope)(nil)

// open starts mirroring the keys that start with prefix, until ctx is done or
// the scope is stopped.
func (r *reader) open(ctx context.Context, prefix string) *scope {
	sc := &scope{
		prefix: prefix, store: services.New(r.log, nil), started: time.Now(), trouble: r.source.Trouble,
		prepared: make(chan struct{}), moved: make(chan struct{}), refused: make(chan struct{}), failed: make(chan struct{}),
	}
	sc.mirror = mirror.New(mirror.Config{
		Source: r.source, Root: r.prefix + "/", Prefix: prefix, View: sc.store, Observer: sc, Log: r.log,
	})
	keeping := r.keeper != nil
	if keeping {
		sc.store.OnChange(r.keeper.Touch)
	} else {
		close(sc.prepared)
	}
	ctx, sc.stop = context.WithCancel(ctx)
	r.mirrors.Add(1)
	r.wg.Go(func() {
		defer r.mirrors.Add(-1)
		if keeping {
			r.prepare(ctx, sc)
		}
		sc.mirror.Run(ctx)
	})
	return sc
}

// Failed implements mirror.Observer.
func (sc *scope) Failed(_ mirror.Reason, err error) {
	sc.fail.Do(func() { close(sc.failed) })
	if denied(err) {
		sc.refuse.Do(func() { close(sc.refused) })
	}
}

// synced reports whether there is something to answer from: the first list is
// complete, or a snapshot was loaded.
func (sc *scope) synced() bool { return sc.mirror.Status().State != mirror.Unsynced }

// ready reports whether to answer without waiting. What only a snapshot says is
// worth a short wait for etcd, unless that is known to be away.
func (sc *scope) ready() bool {
	s := sc.mirror.Status()
	switch {
	case s.State != mirror.Stale:
		return s.State == mirror.Live
	case !sc.restored.Load() || s.Err != nil || sc.trouble() != nil || time.Since(sc.started) >= firstWait:
		return true
	}
	return isClosed(sc.mirror.Met())
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// wait waits for the first list, until firstWait after the start, or with a
// snapshot until a list has failed. It returns nil too when there is another
// scope to ask, or a snapshot to look at. Where ctx ends it, the error is
// ErrUnavailable besides, unless inContact says that etcd answers others.
func (sc *scope) wait(ctx context.Context, closed <-chan struct{}, inContact func() bool) error {
	timeout := time.NewTimer(time.Until(sc.started.Add(firstWait)))
	defer timeout.Stop()
	var err error
	var prepared, failed <-chan struct{}
	if !isClosed(sc.prepared) {
		prepared = sc.prepared
	}
	if sc.restored.Load() {
		failed = sc.failed
	}
	select {
	case <-sc.mirror.Met():
		return nil
	case <-failed:
		return nil
	case <-prepared:
		return nil
	case <-sc.moved:
		return nil
	case <-closed:
		return registrar.ErrClosed
	case <-sc.refused:
	case <-timeout.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if sc.synced() {
		return nil // more than one was ready
	}
	cause := sc.mirror.Status().Err
	switch {
	case cause != nil && denied(cause):
		return classify(cause)
	case cause != nil && err != nil:
		return classify(explain(err, cause))
	case cause != nil:
		return classify(cause) // says why there is no connection already
	case err != nil && inContact():
		return err
	case err != nil:
		return classify(explain(err, sc.trouble()))
	default:
		return classify(explain(errNoAnswer, sc.trouble()))
	}
}
