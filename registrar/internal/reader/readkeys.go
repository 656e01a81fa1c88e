package reader

import (
	"context"
	"slices"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// rangesAtOnce hides the network's delay where many ranges are read.
const rangesAtOnce = 8

// ReadKeys returns the keys of ranges, as List of mirror.Source has them, as they all were at
// one revision. Errors are those of List.
func (l *Lister) ReadKeys(ctx context.Context, ranges []string) (keys []*mvccpb.KeyValue, revision int64, err error) {
	err = l.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		keys, revision, err = l.keysOnce(ctx, ranges)
		return false, err
	})
	return keys, revision, err
}

func (l *Lister) keysOnce(ctx context.Context, ranges []string) (keys []*mvccpb.KeyValue, revision int64, err error) {
	if len(ranges) == 0 {
		return nil, 0, nil
	}
	// The first one fixes the revision.
	keys, revision, err = l.rangeAt(ctx, ranges[0], 0)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	others := ranges[1:]
	lists := make([][]*mvccpb.KeyValue, len(others))
	running := make(chan struct{}, rangesAtOnce)
	var wg sync.WaitGroup
	for i, rng := range others {
		running <- struct{}{}
		wg.Go(func() {
			defer func() { <-running }()
			var err error
			if lists[i], _, err = l.rangeAt(ctx, rng, revision); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	return append(keys, slices.Concat(lists...)...), revision, nil
}

// rangeAt lists one range.
func (l *Lister) rangeAt(ctx context.Context, rng string, at int64) (keys []*mvccpb.KeyValue, revision int64, err error) {
	head, err := l.Source.List(ctx, rng, at, func(page []*mvccpb.KeyValue) error {
		for _, kv := range page {
			keys = append(keys, &mvccpb.KeyValue{
				Key: slices.Clone(kv.Key), Value: slices.Clone(kv.Value), Lease: kv.Lease,
				CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision, Version: kv.Version,
			})
		}
		return nil
	})
	return keys, head.Revision, err
}
