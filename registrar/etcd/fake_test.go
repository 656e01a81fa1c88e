package etcd

import (
	"context"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// fakeEtcd is an etcd in memory that can be cut off, hung, and made to refuse.
// It serves both sides of the driver, and works under testing/synctest.
type fakeEtcd struct {
	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, with each change
	kvs      map[string]*mvccpb.KeyValue
	history  []*clientv3.Event
	compact  int64 // the history up to here is gone
	revision int64
	batching bool // put and delete share a revision, as in one transaction
	leases   map[clientv3.LeaseID]*fakeLease
	lastID   clientv3.LeaseID
	denied   func(key string) bool
	noSpace  bool
	zero     bool // grants the lease 0
	state    fakeState
	fail     error // of every request, if set
	why      error // what trouble says
	keeping  bool  // edits that time out are kept, for carryOut
	kept     [][]edit
	grants   int
	streams  int // of keepalives, that were opened
	open     int // of these, that have not ended
	renewals int
	called   func() // told of each request that comes through, if set; it holds the mutex
	applied  int    // requests that came through
	failed   int    // requests that failed by fail
	largest  int    // edits of the largest request
	ending   chan struct{}
	breaking chan struct{}
	back     chan struct{} // closed, and replaced, when connections are back
}

type fakeState uint8

const (
	fakeUp   fakeState = iota
	fakeHung           // requests are never answered
	fakeDown           // requests fail at once
)

type fakeLease struct {
	ttl   time.Duration
	timer *time.Timer
}

func newFakeEtcd() *fakeEtcd {
	return &fakeEtcd{
		changed: make(chan struct{}), kvs: map[string]*mvccpb.KeyValue{}, revision: 1,
		leases: map[clientv3.LeaseID]*fakeLease{}, ending: make(chan struct{}), breaking: make(chan struct{}), back: make(chan struct{}),
	}
}

// with changes the fake.
func (f *fakeEtcd) with(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
	f.broadcast()
}

func (f *fakeEtcd) set(s fakeState) { f.with(func() { f.state = s }) }

func (f *fakeEtcd) broadcast() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// reach returns once a request gets through, with the mutex locked, or why not.
func (f *fakeEtcd) reach(ctx context.Context) error {
	f.mu.Lock()
	for f.state == fakeHung && ctx.Err() == nil {
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
		f.mu.Lock()
	}
	err := ctx.Err()
	switch {
	case err != nil:
	case f.state == fakeDown:
		err = rpctypes.ErrNoLeader
	case f.fail != nil:
		f.failed++
		err = f.fail
	}
	if err != nil {
		f.mu.Unlock()
	} else if f.called != nil {
		f.called()
	}
	return err
}

func (f *fakeEtcd) grant(ctx context.Context, ttl time.Duration) (clientv3.LeaseID, time.Duration, error) {
	if err := f.reach(ctx); err != nil {
		return 0, 0, err
	}
	defer f.mu.Unlock()
	f.grants++
	if f.zero {
		return 0, ttl, nil
	}
	if f.noSpace {
		return 0, 0, rpctypes.ErrNoSpace
	}
	f.lastID++
	id := f.lastID
	f.leases[id] = &fakeLease{ttl: ttl, timer: time.AfterFunc(ttl, func() { f.expire(id) })}
	return id, ttl, nil
}

// expire ends a lease, as time or an operator does.
func (f *fakeEtcd) expire(id clientv3.LeaseID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(id)
}

func (f *fakeEtcd) end(id clientv3.LeaseID) {
	if l := f.leases[id]; l != nil {
		l.timer.Stop()
	}
	delete(f.leases, id)
	for key, kv := range f.kvs {
		if kv.Lease == int64(id) {
			f.delete(key)
		}
	}
	f.broadcast()
}

func (f *fakeEtcd) keepAlive(ctx context.Context) (keepAliveStream, error) {
	if err := f.reach(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	f.streams++
	f.open++
	context.AfterFunc(ctx, func() { f.with(func() { f.open-- }) })
	return &fakeStream{f, ctx, f.ending}, nil
}

// fakeStream implements keepAliveStream.
type fakeStream struct {
	*fakeEtcd
	ctx    context.Context
	broken <-chan struct{}
}

func (s *fakeStream) renew(id clientv3.LeaseID) (time.Duration, error) {
	if err := s.reach(s.ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	select {
	case <-s.broken:
		return 0, rpctypes.ErrNoLeader
	default:
	}
	l := s.leases[id]
	if l == nil {
		return 0, nil
	}
	for key, kv := range s.kvs {
		if s.denied != nil && s.denied(key) && kv.Lease == int64(id) {
			return 0, rpctypes.ErrPermissionDenied
		}
	}
	s.renewals++
	l.timer.Reset(l.ttl)
	return l.ttl, nil
}

// changeLeader ends all streams of keepalives and leaves the leases.
func (f *fakeEtcd) changeLeader() {
	f.with(func() {
		close(f.ending)
		f.ending = make(chan struct{})
	})
}

func (f *fakeEtcd) alive(ctx context.Context, id clientv3.LeaseID) (bool, error) {
	if err := f.reach(ctx); err != nil {
		return false, err
	}
	defer f.mu.Unlock()
	return f.leases[id] != nil, nil
}

func (f *fakeEtcd) revoke(ctx context.Context, id clientv3.LeaseID) error {
	if err := f.reach(ctx); err != nil {
		return err
	}
	defer f.mu.Unlock()
	f.end(id)
	return nil
}

func (f *fakeEtcd) apply(ctx context.Context, edits []edit) (int64, []outcome, error) {
	if err := f.reach(ctx); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.keeping {
			f.kept = append(f.kept, edits)
		}
		return 0, nil, err
	}
	defer f.mu.Unlock()
	f.applied++
	f.largest = max(f.largest, len(edits))
	for _, e := range edits {
		switch {
		case f.denied != nil && f.denied(e.key):
			return 0, nil, rpctypes.ErrPermissionDenied
		case e.action == actionPut && f.noSpace:
			return 0, nil, rpctypes.ErrNoSpace
		case e.action == actionPut && e.lease != 0 && f.leases[e.lease] == nil:
			return 0, nil, rpctypes.ErrLeaseNotFound
		}
	}
	outcomes := make([]outcome, len(edits))
	before := len(f.history)
	f.revision++
	f.batching = true
	for i, e := range edits {
		outcomes[i] = f.edit(e)
	}
	f.batching = false
	if len(f.history) == before {
		f.revision-- // nothing was written
	}
	f.broadcast()
	return f.revision, outcomes, nil
}

// carryOut makes edits after the fact whose requests have timed out.
func (f *fakeEtcd) carryOut(edits []edit) {
	f.with(func() {
		for _, e := range edits {
			f.edit(e)
		}
	})
}

func (f *fakeEtcd) edit(e edit) outcome {
	kv := f.kvs[e.key]
	holds := e.when == always ||
		(e.when == ifAbsentOrLease && (kv == nil || kv.Lease == int64(e.held))) ||
		(e.when == ifRevision && kv != nil && kv.ModRevision == e.revision)
	if e.action == actionRead || !holds {
		return outcome{found: kv}
	}
	if e.action == actionDelete {
		f.delete(e.key)
	} else {
		f.put(e.key, string(e.value), e.lease)
	}
	return outcome{done: true}
}

// put and delete write without asking; the caller holds the mutex.
func (f *fakeEtcd) put(key, value string, lease clientv3.LeaseID) {
	f.advance()
	kv := &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: f.revision, CreateRevision: f.revision, Lease: int64(lease)}
	if old := f.kvs[key]; old != nil {
		kv.CreateRevision = old.CreateRevision
	}
	f.kvs[key] = kv
	f.history = append(f.history, &clientv3.Event{Type: clientv3.EventTypePut, Kv: kv})
}

func (f *fakeEtcd) advance() {
	if !f.batching {
		f.revision++
	}
}

func (f *fakeEtcd) delete(key string) {
	if f.kvs[key] == nil {
		return
	}
	f.advance()
	delete(f.kvs, key)
	f.history = append(f.history, &clientv3.Event{Type: clientv3.EventTypeDelete, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: f.revision}})
}

// get returns a key as it is, or nil.
func (f *fakeEtcd) get(key string) *mvccpb.KeyValue {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kvs[key]
}

func (f *fakeEtcd) watch(ctx context.Context, key string, after int64) clientv3.WatchChan {
	return f.stream(ctx, after+1, func(k string) bool { return k == key }, nil)
}

func (f *fakeEtcd) endWatches() {}

func (f *fakeEtcd) reconnects(ctx context.Context, fn func()) {
	for {
		f.mu.Lock()
		back := f.back
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-back:
			fn()
		}
	}
}

// reconnect is a loss of the connection that is over; the caller holds the
// mutex.
func (f *fakeEtcd) reconnect() {
	close(f.back)
	f.back = make(chan struct{})
}

func (f *fakeEtcd) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.why
}

// breakWatches ends all watches; the caller holds the mutex.
func (f *fakeEtcd) breakWatches() {
	close(f.breaking)
	f.breaking = make(chan struct{})
}

// forget compacts the history; the caller holds the mutex.
func (f *fakeEtcd) forget() { f.history, f.compact = nil, f.revision }

// stream sends what happens to keys from a revision on, whenever the fake is
// up, and progress when asked.
func (f *fakeEtcd) stream(ctx context.Context, from int64, match func(string) bool, progress <-chan struct{}) clientv3.WatchChan {
	out := make(chan clientv3.WatchResponse)
	f.mu.Lock()
	breaking := f.breaking
	f.mu.Unlock()
	go func() {
		defer close(out)
		for ask := false; ; {
			f.mu.Lock()
			resp := clientv3.WatchResponse{Header: &pb.ResponseHeader{Revision: f.revision}}
			if f.state == fakeUp && from <= f.compact {
				resp.CompactRevision, resp.Canceled = f.compact+1, true
			} else if f.state == fakeUp {
				for _, ev := range f.history {
					if ev.Kv.ModRevision >= from && match(string(ev.Kv.Key)) {
						resp.Events = append(resp.Events, ev)
					}
				}
				from = max(from, f.revision+1)
			}
			send := f.state == fakeUp && (ask || len(resp.Events) > 0 || resp.Canceled)
			changed := f.changed
			f.mu.Unlock()
			if send {
				ask = false
				select {
				case out <- resp:
				case <-ctx.Done():
					return
				}
				if resp.Canceled {
					return
				}
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-breaking:
				return
			case <-changed:
			case <-progress:
				ask = true
			}
		}
	}()
	return out
}
