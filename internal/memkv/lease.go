package memkv

import (
	"context"
	"maps"
	"slices"
	"time"
)

// gone is the TTL of a lease that doesn't exist, as etcd says it.
const gone = -1

// Grant makes a lease and returns its ID, and its TTL.
func (s *Store) Grant(ctx context.Context, ttl time.Duration) (id int64, granted time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastLease++
	id = s.lastLease
	s.leases[id] = &lease{ttl: ttl, timer: time.AfterFunc(ttl, func() { s.Expire(id) }), keys: map[string]struct{}{}}
	return id, ttl, nil
}

// Expire ends a lease, as its time does, and deletes its keys at one revision.
func (s *Store) Expire(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[id]
	if l == nil {
		return
	}
	l.timer.Stop()
	delete(s.leases, id)
	s.deleteAll(slices.Sorted(maps.Keys(l.keys)))
}

// Revoke ends a lease and deletes its keys. One that is gone is no error.
func (s *Store) Revoke(ctx context.Context, id int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Expire(id)
	return nil
}

// KeepAlive opens a stream for keepalives, which ends with ctx. The function
// renews a lease and returns its TTL: 0 or less says that it is gone.
func (s *Store) KeepAlive(ctx context.Context) (renew func(id int64) (time.Duration, error), err error) {
	return func(id int64) (time.Duration, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		l := s.leases[id]
		if l == nil {
			return gone, nil
		}
		l.timer.Reset(l.ttl)
		return l.ttl, nil
	}, ctx.Err()
}

// TimeToLive returns the TTL of a lease, less than 0 if it is gone, and the keys
// that hang on it, in order.
func (s *Store) TimeToLive(ctx context.Context, id int64) (ttl time.Duration, keys []string, err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[id]
	if l == nil {
		return gone, nil, nil
	}
	return l.ttl, slices.Sorted(maps.Keys(l.keys)), nil
}

// Leases counts the leases that live.
func (s *Store) Leases() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.leases)
}
