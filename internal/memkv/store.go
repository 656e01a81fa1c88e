// Package memkv is an etcd in memory, as far as Roster uses one: revisions,
// leases, transactions, lists at a revision, and watch streams. It is the backend
// of the driver "memory", and the etcd of unit tests.
package memkv

import (
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/mirror"
)

// historyLimit is how many changes are remembered for watches and lists at a
// revision, some megabytes at most; older ones are compacted.
const historyLimit = 10_000

// firstLease is the ID after which leases are numbered: no small number that
// could pass for something else.
const firstLease = 1 << 20

// Store is a store of keys. It is safe for concurrent use. Key values that it
// returns are shared and must not be changed.
type Store struct {
	mu        sync.Mutex
	keys      btree.Map[string, *mvccpb.KeyValue]
	leases    map[int64]*lease
	lastLease int64
	revision  int64
	compacted int64            // the history up to here is gone
	touched   map[string]int64 // revision of the last change below each prefix that ends in '/'
	history   []*mvccpb.Event  // with the previous values, in order of revision
	changed   chan struct{}    // closed, and replaced, with each change
}

// lease is a lease that has not expired.
type lease struct {
	ttl   time.Duration
	timer *time.Timer
	keys  map[string]struct{}
}

// New returns an empty store, at the revision 1 as an empty etcd.
func New() *Store {
	return &Store{leases: map[int64]*lease{}, touched: map[string]int64{}, lastLease: firstLease, revision: 1, changed: make(chan struct{})}
}

// Get returns a key as it is, nil if it is absent.
func (s *Store) Get(key string) *mvccpb.KeyValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	kv, _ := s.keys.Get(key)
	return kv
}

// Len counts the keys.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys.Len()
}

// Revision returns the revision of the last change.
func (s *Store) Revision() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision
}

// Put writes a key, under a lease that exists unless it is 0, and returns the
// revision.
func (s *Store) Put(key, value string, leaseID int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	s.put(key, []byte(value), leaseID)
	s.notify()
	return s.revision
}

// Delete deletes keys, those that are present at one revision, and returns it.
func (s *Store) Delete(keys ...string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleteAll(keys)
	return s.revision
}

// Compact forgets the history up to a revision, the present one at most.
func (s *Store) Compact(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compact(min(revision, s.revision))
	s.notify()
}

// LastChange returns the revision of the last change to the keys of a range that
// ends in '/'; 0 if there was none.
func (s *Store) LastChange(rng string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.touched[rng]
}

// Events returns the changes after a revision, in order.
func (s *Store) Events(after int64) []*mvccpb.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*mvccpb.Event(nil), s.since(after)...)
}

// Keys returns all keys, in order.
func (s *Store) Keys() []*mvccpb.KeyValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys.Values()
}

// Reset makes the store one that was restored from a backup: the keys and the
// revision are those given, the history is gone, and so are the leases on which
// none of the keys hangs. Watch streams don't show that: they wait for
// revisions that are to come.
func (s *Store) Reset(keys []*mvccpb.KeyValue, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys.Clear()
	for _, l := range s.leases {
		clear(l.keys)
	}
	for _, kv := range keys {
		s.keys.Set(string(kv.Key), kv)
		if l := s.leases[kv.Lease]; l != nil {
			l.keys[string(kv.Key)] = struct{}{}
		}
	}
	for id, l := range s.leases {
		if len(l.keys) == 0 {
			l.timer.Stop()
			delete(s.leases, id)
		}
	}
	clear(s.touched)
	s.history, s.revision, s.compacted = nil, revision, revision
	s.notify()
}

// put writes a key at the present revision, which the caller has raised. The
// caller holds the mutex.
func (s *Store) put(key string, value []byte, leaseID int64) {
	kv := &mvccpb.KeyValue{
		Key: []byte(key), Value: value, Lease: leaseID,
		ModRevision: s.revision, CreateRevision: s.revision, Version: 1,
	}
	old, _ := s.keys.Set(key, kv)
	if old != nil {
		kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
		s.detach(old)
	}
	if l := s.leases[leaseID]; l != nil {
		l.keys[key] = struct{}{}
	}
	s.record(key, &mvccpb.Event{Type: mvccpb.PUT, Kv: kv, PrevKv: old})
}

// remove deletes a key that is present, as put writes one. The caller holds the
// mutex.
func (s *Store) remove(key string) {
	old, _ := s.keys.Delete(key)
	s.detach(old)
	s.record(key, &mvccpb.Event{
		Type: mvccpb.DELETE, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: s.revision}, PrevKv: old,
	})
}

func (s *Store) record(key string, ev *mvccpb.Event) {
	s.history = append(s.history, ev)
	for rng := range enclosing(key) {
		if rng != key {
			s.touched[rng] = s.revision
		}
	}
}

// deleteAll deletes those keys that are present, at one revision. The caller
// holds the mutex.
func (s *Store) deleteAll(keys []string) {
	raised := false
	for _, key := range keys {
		if _, present := s.keys.Get(key); !present {
			continue
		}
		if !raised {
			raised = true
			s.revision++
		}
		s.remove(key)
	}
	if raised {
		s.notify()
	}
}

func (s *Store) detach(kv *mvccpb.KeyValue) {
	if l := s.leases[kv.Lease]; l != nil {
		delete(l.keys, string(kv.Key))
	}
}

// notify wakes the streams after a change, and bounds the history. The caller
// holds the mutex.
func (s *Store) notify() {
	if n := len(s.history); n > 2*historyLimit {
		s.compact(s.history[n-historyLimit].Kv.ModRevision)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) compact(revision int64) {
	s.history = append([]*mvccpb.Event(nil), s.since(revision)...)
	s.compacted = max(s.compacted, revision)
}

// since returns the changes after a revision. The caller holds the mutex.
func (s *Store) since(revision int64) []*mvccpb.Event {
	low, high := 0, len(s.history)
	for low < high {
		if mid := (low + high) / 2; s.history[mid].Kv.ModRevision > revision {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return s.history[low:]
}

// head returns where the store is. The caller holds the mutex.
func (s *Store) head() mirror.Head { return mirror.Head{Cluster: cluster, Revision: s.revision} }

func (s *Store) header() *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: cluster, Revision: s.revision}
}

// cluster is the ID of every store: there is no other that one could take for it.
const cluster = 1

// within reports whether a key is in a range: the key itself, or all that start
// with one that ends in '/'.
func within(rng, key string) bool {
	return key == rng || strings.HasSuffix(rng, "/") && strings.HasPrefix(key, rng)
}

// enclosing yields the ranges that a key is in, which doesn't end in '/'.
func enclosing(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range key {
			if key[i] == '/' && !yield(key[:i+1]) {
				return
			}
		}
		yield(key)
	}
}
