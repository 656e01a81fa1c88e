package kratos

import (
	"context"
	"iter"
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
	known  bool  // whether Next has returned a set
	err    error // the last that came
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
		switch {
		case w.ctx.Err() != nil:
			w.finish()
			return nil, context.Canceled // which kratos knows as the end, other than an exceeded deadline
		case !more:
			return nil, w.err
		case w.known && err == nil, service != nil && len(service.Instances) > 0:
			w.known = true
			return fromService(w.name, service), nil
		}
		w.err = err
	}
}

// Stop implements registry.Watcher. A Next that waits returns.
func (w *watcher) Stop() error {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish()
	return nil
}
