package driver

import (
	"context"
	"iter"

	"github.com/rosterdns/roster/registrar"
)

// Watch implements registrar.Watcher.
func (d *driver) Watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		p, err := d.ready()
		if err != nil {
			yield(nil, err)
			return
		}
		p.reader.Watch(ctx, name)(yield)
	}
}

// WatchList implements registrar.ListWatcher.
func (d *driver) WatchList(ctx context.Context, namespace string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		p, err := d.ready()
		if err != nil {
			yield(nil, err)
			return
		}
		p.reader.WatchList(ctx, namespace)(yield)
	}
}
