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
