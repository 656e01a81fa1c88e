package memkv

import (
	"context"
	"slices"

	"github.com/tidwall/btree"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/mirror"
)

var _ mirror.Source = (*Store)(nil)

// pageSize is how many keys a page of a list has at most.
const pageSize = 1000

// List implements mirror.Source.
func (s *Store) List(ctx context.Context, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	keys, head, err := s.at(at)
	if err != nil {
		return mirror.Head{}, err
	}
	var all []*mvccpb.KeyValue
	keys.Ascend(rng, func(key string, kv *mvccpb.KeyValue) bool {
		if !within(rng, key) {
			return false
		}
		all = append(all, kv)
		return true
	})
	for page := range slices.Chunk(all, pageSize) {
		if err := ctx.Err(); err != nil {
			return mirror.Head{}, err
		}
		if err := fn(page); err != nil {
			return mirror.Head{}, err
		}
	}
	return head, ctx.Err()
}

// at returns the keys as they were at a revision, as they are if that is 0.
func (s *Store) at(revision int64) (*btree.Map[string, *mvccpb.KeyValue], mirror.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := s.head()
	keys := s.keys.Copy()
	switch {
	case revision == 0 || revision == s.revision:
		return keys, head, nil
	case revision > s.revision:
		return nil, head, rpctypes.ErrFutureRev
	case revision < s.compacted:
		return nil, head, rpctypes.ErrCompacted
	}
	for _, ev := range slices.Backward(s.since(revision)) {
		if ev.PrevKv == nil {
			keys.Delete(string(ev.Kv.Key))
		} else {
			keys.Set(string(ev.Kv.Key), ev.PrevKv)
		}
	}
	head.Revision = revision
	return keys, head, nil
}

// Probe implements mirror.Source.
func (s *Store) Probe(ctx context.Context, _ string) (mirror.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head(), ctx.Err()
}

// CountSince implements mirror.Source.
func (s *Store) CountSince(ctx context.Context, rng string, since int64) (mirror.Count, error) {
	keys, head, err := s.at(0)
	if err != nil {
		return mirror.Count{}, err
	}
	count := mirror.Count{Head: head}
	keys.Ascend(rng, func(key string, kv *mvccpb.KeyValue) bool {
		if !within(rng, key) {
			return false
		}
		count.Keys++
		count.Newer = count.Newer || kv.ModRevision > since
		return true
	})
	return count, ctx.Err()
}

// LastError implements mirror.Source: a store in memory can always be reached.
func (s *Store) LastError() error { return nil }
