package etcd

import (
	"context"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/mirror"
)

// fakeSource is the reading side of a fakeEtcd.
type fakeSource struct {
	*fakeEtcd
	lists, watches func(prefix string)             // told of each, if set; they hold the mutex
	paging         func(ctx context.Context) error // called after the first page, if set
}

var _ mirror.Source = (*fakeSource)(nil)

// List implements mirror.Source.
func (f *fakeSource) List(ctx context.Context, prefix string, at int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	if err := f.reach(ctx); err != nil {
		return mirror.Head{}, err
	}
	defer f.mu.Unlock()
	if f.denied != nil && f.denied(prefix) {
		return mirror.Head{}, rpctypes.ErrPermissionDenied
	}
	if f.lists != nil && at == 0 { // rather than an audit
		f.lists(prefix)
	}
	var kvs []*mvccpb.KeyValue
	for _, key := range slices.Sorted(maps.Keys(f.kvs)) {
		if strings.HasPrefix(key, prefix) {
			kvs = append(kvs, f.kvs[key])
		}
	}
	if err := fn(kvs); err != nil || f.paging == nil {
		return mirror.Head{Revision: f.revision}, err
	}
	return mirror.Head{}, f.paging(ctx)
}

// Watch implements mirror.Source.
func (f *fakeSource) Watch(ctx context.Context, prefix string, after int64) (mirror.Watch, error) {
	progress := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(ctx)
	if f.watches != nil {
		f.with(func() { f.watches(prefix) })
	}
	responses := f.stream(ctx, after+1, func(k string) bool { return strings.HasPrefix(k, prefix) }, progress)
	return &fakeWatch{responses, progress, cancel}, nil
}

// Probe implements mirror.Source.
func (f *fakeSource) Probe(ctx context.Context, _ string) (mirror.Head, error) {
	if err := f.reach(ctx); err != nil {
		return mirror.Head{}, err
	}
	defer f.mu.Unlock()
	return mirror.Head{Revision: f.revision}, nil
}

// Census implements mirror.Source.
func (f *fakeSource) Census(ctx context.Context, prefix string, since int64) (mirror.Census, error) {
	if err := f.reach(ctx); err != nil {
		return mirror.Census{}, err
	}
	defer f.mu.Unlock()
	c := mirror.Census{Head: mirror.Head{Revision: f.revision}}
	for key, kv := range f.kvs {
		if strings.HasPrefix(key, prefix) {
			c.Keys++
			c.Newer = c.Newer || kv.ModRevision > since
		}
	}
	return c, nil
}

// Trouble implements mirror.Source.
func (f *fakeSource) Trouble() error { return f.trouble() }

type fakeWatch struct {
	responses clientv3.WatchChan
	progress  chan struct{}
	cancel    context.CancelFunc
}

func (w *fakeWatch) Responses() <-chan clientv3.WatchResponse { return w.responses }

func (w *fakeWatch) Err() error { return nil }

func (w *fakeWatch) RequestProgress(context.Context) error {
	select {
	case w.progress <- struct{}{}:
	default:
	}
	return nil
}

func (w *fakeWatch) Close() { w.cancel() }
