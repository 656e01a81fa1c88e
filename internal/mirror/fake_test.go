package mirror

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

var errDown = errors.New("the fake is down")

// fakeEtcd is a Source with etcd's semantics as far as a mirror can see them:
// revisions, history, compaction, watches that resume; and its faults.
type fakeEtcd struct {
	mu        sync.Mutex
	revision  int64
	compacted int64
	keys      map[string]*mvccpb.KeyValue
	history   []*mvccpb.Event             // since the compaction
	floor     map[string]*mvccpb.KeyValue // the keys before changes
	changes   []*mvccpb.Event             // since the start or a restore
	streams   map[*fakeStream]struct{}

	pageSize   int
	down       bool          // lists, probes and opening watches fail
	hung       chan struct{} // while not nil, they wait until it is closed
	deaf       bool          // watches get nothing, not even progress
	stalled    []string      // ranges whose watches get nothing
	denied     []string      // ranges that may not be read
	held       bool          // requests for progress are not answered
	lastError  error         // what LastError says
	broken     error         // what watches that have ended say
	slow       time.Duration // what a probe's answer takes after it was read
	linger     time.Duration // what a probe takes to end after its answer
	onPage     func(ctx context.Context, page int) error
	onStream   func(ctx context.Context) error
	onAdd      func(rng string) error // the error refuses the watch
	onProgress func(ctx context.Context) error
	onEvents   func([]*mvccpb.Event) []*mvccpb.Event // what watches get in place of events
	cluster    uint64

	seen seen
}

// seen is what a fake has seen of its mirror.
type seen struct {
	lists     []time.Time // when each list was asked for
	listed    []string    // of what
	listing   int         // lists and audits under way
	mostLists int         // at once
	audits    []time.Time // when each list of a given revision was
	opened    []time.Time // when each stream was asked for
	added     []string    // the ranges of watches, in order
	asked     int         // requests for progress
	probes    int
	counts    int
	probing   int // probes under way
	streams   int // open
	watches   int // on these
}

var _ Source = (*fakeEtcd)(nil)

func (f *fakeEtcd) LastError() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lastError
}

func newFake() *fakeEtcd {
	// A new etcd is at revision 1.
	return &fakeEtcd{revision: 1, keys: map[string]*mvccpb.KeyValue{}, floor: map[string]*mvccpb.KeyValue{}, streams: map[*fakeStream]struct{}{}, pageSize: 3}
}

// look returns what the fake has seen so far.
func (f *fakeEtcd) look() seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.seen
	s.added, s.listed = slices.Clone(s.added), slices.Clone(s.listed)
	s.lists, s.audits, s.opened = slices.Clone(s.lists), slices.Clone(s.audits), slices.Clone(s.opened)
	s.streams = len(f.streams)
	for st := range f.streams {
		s.watches += len(st.watches)
	}
	return s
}

// set changes how the fake behaves.
func (f *fakeEtcd) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeEtcd) put(key, value string) { f.txn(map[string]string{key: value}) }

// txn puts keys at one revision.
func (f *fakeEtcd) txn(pairs map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revision++
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		kv := &mvccpb.KeyValue{Key: []byte(key), Value: []byte(pairs[key]), ModRevision: f.revision, Lease: leaseOf(key)}
		f.keys[key] = kv
		f.record(&mvccpb.Event{Type: mvccpb.Event_PUT, Kv: kv})
	}
	f.feed()
}

// leaseOf gives each key a lease of its own, to see it arrive.
func leaseOf(key string) int64 { return int64(len(key)) }

func (f *fakeEtcd) delete(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keys[key] == nil {
		return
	}
	f.revision++
	delete(f.keys, key)
	f.record(&mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: f.revision}})
	f.feed()
}

func (f *fakeEtcd) record(ev *mvccpb.Event) {
	f.history, f.changes = append(f.history, ev), append(f.changes, ev)
}

// compact forgets the history before the present revision.
func (f *fakeEtcd) compact() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.compacted = f.revision
	f.history = slices.DeleteFunc(f.history, func(ev *mvccpb.Event) bool { return ev.Kv.ModRevision < f.revision })
}

// backup returns what restores the present state: the watches go on, as those
// of a client do that reconnects by itself.
func (f *fakeEtcd) backup() (restore func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	revision, keys := f.revision, maps.Clone(f.keys)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.revision, f.compacted, f.keys, f.history = revision, min(f.compacted, revision), maps.Clone(keys), nil
		f.floor, f.changes = maps.Clone(keys), nil
	}
}

// hang makes everything hang until the function returned is called.
func (f *fakeEtcd) hang() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hung := make(chan struct{})
	f.hung, f.deaf = hung, true
	return func() {
		f.mu.Lock()
		f.hung = nil
		f.mu.Unlock()
		close(hung)
		f.hear()
	}
}

// hear ends deafness: watches get what they missed, or learn that it was
// compacted.
func (f *fakeEtcd) hear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = false
	f.feed()
}

// end ends all streams.
func (f *fakeEtcd) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		s.finish()
	}
}

// cancel ends all watches, and no stream. The response is completed for each.
func (f *fakeEtcd) cancel(resp *pb.WatchResponse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		for id := range s.watches {
			last := cloneResponse(resp)
			last.WatchId = id
			s.send(last)
			delete(s.watches, id)
		}
	}
}

// say sends a response to all watches, or one of all.
func (f *fakeEtcd) say(resp *pb.WatchResponse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		if resp.WatchId == allWatches {
			s.send(resp)
			continue
		}
		for id := range s.watches {
			one := cloneResponse(resp)
			one.WatchId = id
			s.send(one)
		}
	}
}

func cloneResponse(resp *pb.WatchResponse) *pb.WatchResponse {
	return &pb.WatchResponse{
		Header: resp.Header, Events: resp.Events, CompactRevision: resp.CompactRevision,
		Created: resp.Created, Canceled: resp.Canceled, CancelReason: resp.CancelReason,
	}
}

// feed gives the watches what they have not had yet.
func (f *fakeEtcd) feed() {
	if f.deaf {
		return
	}
	for s := range f.streams {
		for _, id := range slices.Sorted(maps.Keys(s.watches)) {
			f.feedOne(s, id, s.watches[id])
		}
	}
}

func (f *fakeEtcd) feedOne(s *fakeStream, id int64, w *fakeWatch) {
	if slices.Contains(f.stalled, w.rng) {
		return
	}
	if w.next < f.compacted {
		s.send(&pb.WatchResponse{Header: f.header(), WatchId: id, Canceled: true, CompactRevision: f.compacted})
		delete(s.watches, id)
		return
	}
	for revision, evs := range byRevision(f.history) {
		evs = slices.DeleteFunc(evs, func(ev *mvccpb.Event) bool { return !covers(w.rng, string(ev.Kv.Key)) })
		if f.onEvents != nil {
			evs = f.onEvents(evs)
		}
		if revision >= w.next && len(evs) > 0 {
			s.send(&pb.WatchResponse{Header: f.header(), WatchId: id, Events: evs})
		}
	}
	w.next = max(w.next, f.revision+1)
}

// byRevision yields the events of each revision, in order, in slices that are
// the caller's.
func byRevision(evs []*mvccpb.Event) func(func(int64, []*mvccpb.Event) bool) {
	return func(yield func(int64, []*mvccpb.Event) bool) {
		for len(evs) > 0 {
			revision := evs[0].Kv.ModRevision
			n := 1
			for n < len(evs) && evs[n].Kv.ModRevision == revision {
				n++
			}
			if !yield(revision, slices.Clone(evs[:n])) {
				return
			}
			evs = evs[n:]
		}
	}
}

func (f *fakeEtcd) header() *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: f.cluster, Revision: f.revision}
}

// enter waits while the fake hangs, and fails while it is down.
func (f *fakeEtcd) enter(ctx context.Context) error {
	f.mu.Lock()
	hung, down := f.hung, f.down
	f.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if down {
		return errDown
	}
	return ctx.Err()
}

// List implements Source.
func (f *fakeEtcd) List(ctx context.Context, prefix string, at int64, fn func([]*mvccpb.KeyValue) error) (Head, error) {
	f.set(func() {
		if at == 0 {
			f.seen.lists = append(f.seen.lists, time.Now())
			f.seen.listed = append(f.seen.listed, prefix)
		} else {
			f.seen.audits = append(f.seen.audits, time.Now())
		}
	})
	f.set(func() { f.seen.listing++; f.seen.mostLists = max(f.seen.mostLists, f.seen.listing) })
	defer f.set(func() { f.seen.listing-- })
	if err := f.enter(ctx); err != nil {
		return Head{}, err
	}
	if f.denies(prefix) {
		return Head{}, rpctypes.ErrPermissionDenied
	}
	kvs, head, err := f.read(prefix, at)
	if err != nil {
		return Head{}, err
	}
	for page := 0; ; page++ {
		f.mu.Lock()
		onPage := f.onPage
		f.mu.Unlock()
		if onPage != nil {
			if err := onPage(ctx, page); err != nil {
				return Head{}, err
			}
		}
		n := min(f.pageSize, len(kvs))
		lent := cloned(kvs[:n])
		err := fn(lent)
		for _, kv := range lent {
			clear(kv.Key) // nobody may keep what was lent
			clear(kv.Value)
		}
		if err != nil {
			return Head{}, err
		}
		if kvs = kvs[n:]; len(kvs) == 0 {
			return head, ctx.Err()
		}
	}
}

func (f *fakeEtcd) denies(rng string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.denied, rng)
}

func cloned(kvs []*mvccpb.KeyValue) []*mvccpb.KeyValue {
	out := make([]*mvccpb.KeyValue, len(kvs))
	for i, kv := range kvs {
		out[i] = &mvccpb.KeyValue{Key: bytes.Clone(kv.Key), Value: bytes.Clone(kv.Value), ModRevision: kv.ModRevision, Lease: kv.Lease}
	}
	return out
}

// read returns the keys below a prefix as they were at a revision; 0 is now.
func (f *fakeEtcd) read(prefix string, at int64) ([]*mvccpb.KeyValue, Head, error) {
	kvs, revision := f.contents(prefix)
	f.mu.Lock()
	defer f.mu.Unlock()
	head := Head{Cluster: f.cluster, Revision: revision}
	switch {
	case at == 0 || at == revision:
		return kvs, head, nil
	case at > revision:
		return nil, head, rpctypes.ErrFutureRev
	case at < f.compacted:
		return nil, head, rpctypes.ErrCompacted
	}
	head.Revision = at
	then := maps.Clone(f.floor)
	for _, ev := range f.changes {
		switch {
		case ev.Kv.ModRevision > at:
		case ev.Type == mvccpb.Event_DELETE:
			delete(then, string(ev.Kv.Key))
		default:
			then[string(ev.Kv.Key)] = ev.Kv
		}
	}
	kvs = nil
	for key, kv := range then {
		if covers(prefix, key) {
			kvs = append(kvs, kv)
		}
	}
	slices.SortFunc(kvs, func(a, b *mvccpb.KeyValue) int { return cmp.Compare(string(a.Key), string(b.Key)) })
	return kvs, head, nil
}

// contents returns the keys below a prefix in order, and the revision.
func (f *fakeEtcd) contents(prefix string) ([]*mvccpb.KeyValue, int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var kvs []*mvccpb.KeyValue
	for key, kv := range f.keys {
		if covers(prefix, key) {
			kvs = append(kvs, kv)
		}
	}
	slices.SortFunc(kvs, func(a, b *mvccpb.KeyValue) int { return cmp.Compare(string(a.Key), string(b.Key)) })
	return kvs, f.revision
}
