package mirror

import (
	"fmt"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// batch is what has arrived on a stream since the loop last took something from it.
// Each view gets one commit of it.
type batch struct {
	s       *session
	root    string
	cluster uint64
	all     views
	events  map[*contents][]Event // by the view that they are for
	touched map[*Range]struct{}   // whose revision has advanced
	changes int                   // that the watches have shown
	oldest  time.Time
	worked  bool // there were changes or progress
	lost    []loss
}

// loss is a range whose watch has ended alone.
type loss struct {
	r *Range
	f failure
}

func newBatch(s *session, root string, cluster uint64, all views) *batch {
	return &batch{s: s, root: root, cluster: cluster, all: all, events: map[*contents][]Event{}, touched: map[*Range]struct{}{}}
}

// response takes a response. The failure that it returns is one of the whole
// stream; what was taken before is committed all the same.
func (b *batch) response(resp received) failure {
	b.s.heard = resp.at
	r := b.s.watches[resp.WatchId]
	switch {
	case resp.Canceled:
		return b.cancelled(r, resp)
	case resp.Created:
		if r != nil {
			b.s.created(r, resp.at)
		}
		return failure{}
	case otherCluster(b.cluster, resp.Header.GetClusterId()):
		return failure{ReasonRegressed, errRegressed}
	case resp.WatchId == allWatches:
		b.s.sender.answered()
		return b.progress(resp)
	case r == nil:
		return failure{} // removed since
	}
	return b.watched(r, resp)
}

// cancelled handles the end of a watch.
func (b *batch) cancelled(r *Range, resp received) failure {
	if r == nil {
		return failure{} // as asked
	}
	f := failed(cancelReason(resp.WatchResponse), ReasonClosed)
	f.err = fmt.Errorf("watching %q: %w", b.root+r.name, f.err)
	if !f.ofRange() {
		return f
	}
	b.lost = append(b.lost, loss{r, f})
	delete(b.s.watches, resp.WatchId)
	return failure{}
}

// progress handles a response that is for all watches. A member that lags can answer
// with a lower revision after a reconnect; so can an etcd restored from a
// backup. A list is right in both cases.
func (b *batch) progress(resp received) failure {
	b.worked = true
	for _, r := range b.s.watches {
		if !r.watch.counts() {
			continue
		}
		if resp.Header.GetRevision() < r.revision {
			return failure{ReasonRegressed, errRegressed}
		}
		b.advance(r, resp.Header.GetRevision())
	}
	return failure{}
}

// watched handles the events, or the progress, of one watch.
func (b *batch) watched(r *Range, resp received) failure {
	head := resp.Header.GetRevision()
	switch {
	case head < r.revision:
		return failure{ReasonRegressed, errRegressed}
	case !ordered(resp.Events, r.revision):
		return failure{ReasonDisorder, errDisorder}
	}
	b.worked = true
	if len(resp.Events) == 0 {
		b.advance(r, head)
		return failure{}
	}
	if b.changes == 0 {
		b.oldest = resp.at
	}
	b.changes += len(resp.Events)
	c := b.all.of(r.view)
	for _, ev := range resp.Events {
		key, ok := below(b.root, ev.Kv.Key)
		if !ok || !covers(r.name, key) {
			return failure{ReasonDisorder, fmt.Errorf("watching %q: %w: %q", b.root+r.name, errOutside, ev.Kv.Key)}
		}
		if now, isNew := c.apply(r, ev, key); isNew {
			b.events[c] = append(b.events[c], now)
		}
	}
	// The header speaks for progress only: a watch that catches up sends events
	// with a header that is ahead of them.
	b.advance(r, max(r.revision, resp.Events[len(resp.Events)-1].Kv.ModRevision))
	return failure{}
}

// advance notes what a range is complete up to, by its watch.
func (b *batch) advance(r *Range, revision int64) {
	r.watch.worked = true
	r.advance(revision)
	b.touched[r] = struct{}{}
}

// ordered reports whether no event is older than the one before it, or than the
// revision that the range is complete up to. etcd promises that, but has broken
// it (etcd-io/etcd issue 15220); what such a watch left out only a list shows.
func ordered(evs []*mvccpb.Event, seen int64) bool {
	for _, ev := range evs {
		if ev.Kv.ModRevision < seen {
			return false
		}
		seen = ev.Kv.ModRevision
	}
	return true
}

// commit makes the batch, or the progress that it was, visible to a view.
func (b *batch) commit(c *contents) {
	events := b.events[c]
	if len(events) == 0 && c.known() == c.revision {
		return
	}
	stage := c.view.Stage()
	if len(events) > 0 {
		stage.Apply(events)
	}
	c.commit(stage, CauseWatch, false)
}

// cancelReason returns why a response ends its watch. etcd gives as its reason
// the whole text of a gRPC error, of which package rpctypes knows the
// description alone.
func cancelReason(resp *pb.WatchResponse) error {
	r := clientv3.WatchResponse{
		Header: resp.Header, CompactRevision: resp.CompactRevision, Canceled: true, CancelReason: resp.CancelReason,
	}
	if _, desc, ok := strings.Cut(r.CancelReason, " desc = "); ok {
		r.CancelReason = desc
	}
	return r.Err()
}
