package etcd

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// loadWait is how long after the load began mirrors wait for the snapshot before
// they do without: reading one takes milliseconds, and a disk that hangs leaves
// the other half of firstWait for etcd to answer.
const loadWait = firstWait / 2

// disk is what touches the disk, and can take as long as that likes; tests
// inject their own.
type disk struct {
	load func(path, root string, log *slog.Logger) *kept
	keep func(ctx context.Context, k *snapshot.Keeper)
}

var realDisk = disk{load: load, keep: func(ctx context.Context, k *snapshot.Keeper) { k.Run(ctx) }}

// keep has the snapshot loaded, and written from then on, by a goroutine that
// nobody who asks for a service waits for without bound. The caller holds the
// mutex; it is called once.
func (r *reader) keep() {
	r.keeper = snapshot.NewKeeper(snapshot.KeeperConfig{Path: r.snapshot, Take: r.take, Log: r.log})
	r.written = make(chan struct{})
	r.loadBy = time.Now().Add(loadWait)
	go func() {
		defer close(r.written)
		late := time.AfterFunc(loadWait, func() {
			r.log.Warn("registrar: the disk is slow, starting without the snapshot until it is read", "path", r.snapshot)
		})
		k := r.disk.load(r.snapshot, r.prefix+"/", r.log)
		late.Stop()
		if r.use(k) { // else another client can have written the file since Close
			r.disk.keep(r.ctx, r.keeper)
		}
	}()
}

// use takes what was loaded of the snapshot, and gives it to those that went
// without and have had no answer of etcd. It reports false once the reader is
// closed, when nobody waits for what it would start.
func (r *reader) use(k *kept) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	k.prune() // what covers a prefix is looked for among all ranges
	r.kept = k
	close(r.loaded)
	for _, sp := range r.spaces {
		for _, in := range sp.interests {
			bare := in.scope.Load()
			if !bare.bare || bare == sp.wide || bare.synced() {
				continue
			}
			if _, known := k.covering(bare.prefix); !known {
				continue
			}
			next := r.open(sp.ctx, bare.prefix)
			next.started = bare.started // its callers have waited already
			in.scope.Store(next)
			close(bare.moved)
			bare.stop()
		}
	}
	return true
}

// prepare fills the mirror of a scope from the snapshot, once that is loaded, if
// that is soon.
func (r *reader) prepare(ctx context.Context, sc *scope) {
	defer close(sc.prepared)
	timeout := time.NewTimer(time.Until(r.loadBy))
	defer timeout.Stop()
	select {
	case <-r.loaded:
	case <-timeout.C:
	case <-ctx.Done():
		return
	}
	r.mu.Lock()
	k := r.kept
	sc.bare = k == nil
	in, known := k.covering(sc.prefix)
	var cluster uint64
	if known {
		cluster = k.cluster
	}
	r.mu.Unlock()
	if known {
		sc.restored.Store(true)
		in.restore(sc.mirror, cluster, r.prefix+"/", sc.prefix)
	}
}

// remember keeps what a scope has that is about to be dropped. The caller holds
// the mutex.
func (r *reader) remember(sc *scope) {
	if s := sc.mirror.Status(); r.kept != nil && s.State != mirror.Unsynced {
		r.kept.put(sc.contents(s), s.Cluster)
	}
}

// take returns what a snapshot keeps: what is mirrored now, what was until
// nobody asked for it any more, and what nobody has asked for since the snapshot
// was loaded. Each key comes once.
func (r *reader) take() (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := snapshot.Header{Root: r.prefix + "/"}
	all := ranges{}
	for sc := range r.scopes() {
		s := sc.mirror.Status()
		if s.State == mirror.Unsynced {
			continue
		}
		h.Cluster = cmp.Or(s.Cluster, h.Cluster)
		all[strings.TrimPrefix(sc.prefix, h.Root)] = sc.contents(s)
	}
	if r.kept != nil {
		h.Cluster = cmp.Or(h.Cluster, r.kept.cluster)
		all.add(r.kept.ranges)
	}
	for _, in := range all {
		h.Ranges = append(h.Ranges, in.Range)
	}
	slices.SortFunc(h.Ranges, func(a, b snapshot.Range) int { return strings.Compare(a.Prefix, b.Prefix) })
	return h, all.all(), len(h.Ranges) > 0
}

// add adds what was kept before, but for what is mirrored, alone or with its
// namespace: that is known better.
func (r ranges) add(old ranges) {
	mirrored := maps.Clone(r)
	for below, in := range old {
		if _, known := mirrored.of(below); !known && old.useful(below, in) {
			r[below] = in
		}
	}
}

// scopes returns the scopes that answer. The caller holds the mutex.
func (r *reader) scopes() map[*scope]bool {
	out := map[*scope]bool{}
	for _, sp := range r.spaces {
		for _, in := range sp.interests {
			out[in.scope.Load()] = true
		}
	}
	return out
}

// contents returns what the scope has, of which the status tells.
func (sc *scope) contents(s mirror.Status) keptRange {
	return keptRange{
		Range:   snapshot.Range{Prefix: sc.prefix, Revision: s.Revision, Contact: s.Contact},
		entries: sc.store.Load().Entries(),
	}
}
