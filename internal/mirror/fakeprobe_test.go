package mirror

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// Probe implements Source.
func (f *fakeEtcd) Probe(ctx context.Context, _ string) (Head, error) {
	f.set(func() { f.seen.probes++; f.seen.probing++ })
	defer func() {
		f.mu.Lock()
		linger := f.linger
		f.mu.Unlock()
		time.Sleep(linger)
		f.set(func() { f.seen.probing-- })
	}()
	if err := f.enter(ctx); err != nil {
		return Head{}, err
	}
	f.mu.Lock()
	head, slow := Head{f.cluster, f.revision}, f.slow
	f.mu.Unlock()
	select {
	case <-time.After(slow):
		return head, nil
	case <-ctx.Done():
		return Head{}, ctx.Err()
	}
}

// CountSince implements Source.
func (f *fakeEtcd) CountSince(ctx context.Context, prefix string, since int64) (Count, error) {
	f.set(func() { f.seen.counts++ })
	if err := f.enter(ctx); err != nil {
		return Count{}, err
	}
	kvs, revision := f.contents(prefix)
	newer := slices.ContainsFunc(kvs, func(kv *mvccpb.KeyValue) bool { return kv.ModRevision > since })
	f.mu.Lock()
	defer f.mu.Unlock()
	return Count{Head{f.cluster, revision}, len(kvs), newer}, nil
}
