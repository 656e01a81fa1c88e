package kratos

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/go-kratos/kratos/v2/registry"

	"github.com/rosterdns/roster/registrar"
)

// watcher is a Watch whose sets are pulled.
type watcher struct {
	name   string // as kratos has it
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex // held by a Next that waits
	pull   func() (*registrar.Service, error, bool)
	finish func()
	last   *registrar.Service // that Next has returned; nil if none
	err    error              // the last that came
}

func newWatcher(ctx context.Context, client registrar.Watcher, service, name string) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{name: name, ctx: ctx, cancel: cancel}
	w.pull, w.finish = iter.Pull2(client.Watch(ctx, service))
	return w
}

// Next implements registry.Watcher: it returns the present set, unless that is empty, and
// then waits for the next change. While the registry is unavailable it waits, and what was
// returned last stands. Errors are registrar.ErrClosed and registrar.ErrUnsupported; after
// Stop, and when the context of Watch is done, context.Canceled.
func (w *watcher) Next() ([]*registry.ServiceInstance, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		service, err, more := w.pull()
		if w.ctx.Err() != nil {
			w.finish()
			return nil, context.Canceled // which kratos knows as the end, other than an exceeded deadline
		}
		if !more {
			return nil, w.err
		}
		w.err = err
		if w.news(service, err) {
			w.last = service
			return fromService(w.name, service), nil
		}
	}
}

// news reports whether a set, which an error says may be out of date, is to be returned. An
// empty one is none at first, nor when nobody knows that it is empty.
func (w *watcher) news(service *registrar.Service, err error) bool {
	switch {
	case service == nil, len(service.Instances) == 0 && (w.last == nil || err != nil):
		return false
	case w.last == nil:
		return true
	}
	return !slices.EqualFunc(w.last.Instances, service.Instances, func(a, b registrar.Instance) bool { return a.Equal(&b) })
}

// Stop implements registry.Watcher. A Next that waits returns.
func (w *watcher) Stop() error {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish()
	return nil
}
