package etcd

import (
	"context"
	"sync"
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
	store   *services.Store
	mirror  *mirror.Mirror
	started time.Time
	stop    context.CancelFunc
	trouble func() error
	moved   chan struct{} // closed when the services have moved to another scope

	refuse  sync.Once
	refused chan struct{} // closed when etcd refuses the user
}

var _ mirror.Observer = (*scope)(nil)

// open starts mirroring the keys that start with prefix, until ctx is done or
// the scope is stopped.
func (r *reader) open(ctx context.Context, prefix string) *scope {
	sc := &scope{
		store: services.New(r.log, nil), started: time.Now(), trouble: r.source.Trouble,
		moved: make(chan struct{}), refused: make(chan struct{}),
	}
	sc.mirror = mirror.New(mirror.Config{
		Source: r.source, Root: r.prefix + "/", Prefix: prefix, View: sc.store, Observer: sc, Log: r.log,
	})
	ctx, sc.stop = context.WithCancel(ctx)
	r.mirrors.Add(1)
	r.wg.Go(func() {
		defer r.mirrors.Add(-1)
		sc.mirror.Run(ctx)
	})
	return sc
}

// Failed implements mirror.Observer.
func (sc *scope) Failed(_ mirror.Reason, err error) {
	if denied(err) {
		sc.refuse.Do(func() { close(sc.refused) })
	}
}

// synced reports whether the first list is complete.
func (sc *scope) synced() bool { return sc.mirror.Status().State != mirror.Unsynced }

// wait waits for the first list, until firstWait after the start. It returns nil
// too when there is another scope to ask. Where ctx ends it, the error is
// ErrUnavailable besides, unless inContact says that etcd answers others.
func (sc *scope) wait(ctx context.Context, closed <-chan struct{}, inContact func() bool) error {
	timeout := time.NewTimer(time.Until(sc.started.Add(firstWait)))
	defer timeout.Stop()
	var err error
	select {
	case <-sc.mirror.Synced():
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
	failed := sc.mirror.Status().Err
	switch {
	case failed != nil && denied(failed):
		return classify(failed)
	case failed != nil && err != nil:
		return classify(explain(err, failed))
	case failed != nil:
		return classify(failed) // says why there is no connection already
	case err != nil && inContact():
		return err
	case err != nil:
		return classify(explain(err, sc.trouble()))
	default:
		return classify(explain(errNoAnswer, sc.trouble()))
	}
}
