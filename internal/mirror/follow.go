package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// entry is what the mirror remembers of a key.
type entry struct {
	modRevision int64
}

// index is what the View was told, by key below Root.
type index map[string]entry

// failure is why a mirror has to list again.
type failure struct {
	reason Reason
	err    error
}

var (
	errSilent    = errors.New("the watch fell silent")
	errClosed    = errors.New("the watch was closed")
	errRegressed = errors.New("etcd's revision moved backward")
	errDisorder  = errors.New("the watch showed an old change after a newer one")
	errPage      = errors.New("no page arrived in time")
)

// follow lists, then watches until something breaks.
func (m *Mirror) follow(ctx context.Context, reason Reason) failure {
	revision, err := m.list(ctx, reason)
	if err != nil {
		return failure{reasonOf(err, ReasonList), fmt.Errorf("listing %q: %w", m.cfg.Prefix, m.explain(err))}
	}
	m.contact(revision)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A server that hangs when the watch is opened would otherwise hang the
	// mirror.
	stuck := time.AfterFunc(watchSilence, func() { cancel(errSilent) })
	w, err := m.cfg.Source.Watch(ctx, m.cfg.Prefix, revision)
	inTime := stuck.Stop()
	if err == nil {
		defer w.Close()
	}
	switch {
	case !inTime:
		return failure{ReasonSilent, errSilent}
	case err != nil:
		return failure{reasonOf(err, ReasonClosed), fmt.Errorf("watching %q: %w", m.cfg.Prefix, err)}
	}
	return m.watch(ctx, w)
}

// list makes the View equal to etcd at one revision. Where the revision is
// lower than before, unchanged revisions of keys don't mean unchanged contents,
// so that it lists once more and takes every key for changed.
func (m *Mirror) list(ctx context.Context, reason Reason) (int64, error) {
	start, seen, keys := time.Now(), m.Status().Revision, len(m.index)
	revision, err := m.listOnce(ctx, m.distrust)
	if errors.Is(err, errRegressed) {
		m.distrust = true
		revision, err = m.listOnce(ctx, true)
	}
	if err != nil {
		return 0, err
	}
	if m.distrust {
		m.cfg.Log.Warn("etcd showed an older revision than before, as after a restore from a backup: took over all that it has",
			"prefix", m.cfg.Prefix, "revision", revision, "keys", len(m.index), "revision before", seen, "keys before", keys)
	}
	m.distrust = false
	if revision < seen {
		reason = ReasonRegressed
	}
	if m.cfg.Observer != nil {
		m.cfg.Observer.Listed(reason, len(m.index), time.Since(start))
	}
	return revision, nil
}

func (m *Mirror) listOnce(ctx context.Context, force bool) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A server that hangs half-way would otherwise hang the mirror.
	stuck := time.AfterFunc(pageTimeout, func() { cancel(errPage) })
	defer stuck.Stop()

	present := make(map[string]struct{}, len(m.index))
	revision, err := m.cfg.Source.List(ctx, m.cfg.Prefix, func(kvs []*mvccpb.KeyValue) error {
		stuck.Reset(pageTimeout)
		m.page(kvs, present, force)
		return nil
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return 0, err
	}
	regressed := revision < m.Status().Revision
	if regressed && !force {
		return 0, errRegressed
	}
	var gone []Event
	for key := range m.index {
		if _, ok := present[key]; !ok {
			gone = append(gone, Event{Key: key, ModRevision: revision, Deleted: true})
			delete(m.index, key)
		}
	}
	m.cfg.View.Apply(Batch{Events: gone, Revision: revision, Regressed: regressed})
	return revision, nil
}

// page tells the View of those keys of a page that it doesn't know yet.
func (m *Mirror) page(kvs []*mvccpb.KeyValue, present map[string]struct{}, force bool) {
	events := make([]Event, 0, len(kvs))
	for _, kv := range kvs {
		key, ok := m.relative(kv.Key)
		if !ok {
			continue
		}
		present[key] = struct{}{}
		if known, ok := m.index[key]; ok && known.modRevision == kv.ModRevision && !force {
			continue
		}
		m.index[key] = entry{kv.ModRevision}
		events = append(events, Event{Key: key, Value: kv.Value, ModRevision: kv.ModRevision, Lease: kv.Lease})
	}
	if len(events) > 0 {
		m.cfg.View.Apply(Batch{Events: events})
	}
}

// watch follows a watch until it ends or nothing is heard of it.
func (m *Mirror) watch(ctx context.Context, w Watch) failure {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	probes := newProbes(m)
	defer probes.wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := time.Now()
	silence := time.NewTimer(watchSilence)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return failure{ReasonClosed, ctx.Err()}
		case <-silence.C:
			return failure{ReasonSilent, errSilent}
		case resp, ok := <-w.Responses():
			if !ok {
				return failure{ReasonClosed, errClosed}
			}
			if f := m.response(&resp); f.err != nil {
				return f
			}
			heard = time.Now()
			silence.Reset(watchSilence)
		case result := <-probes.results:
			if f := m.probed(result); f.err != nil {
				return f
			}
		case <-tick.C:
			m.ask(ctx, w)
			if time.Since(heard) > progressEvery+progressEvery/2 {
				probes.start(ctx)
			}
		}
	}
}

// ask requests progress. It doesn't wait longer than until the next tick: a
// client that is busy reconnecting takes no requests.
func (m *Mirror) ask(ctx context.Context, w Watch) {
	ctx, cancel := context.WithTimeout(ctx, progressEvery/4)
	defer cancel()
	// An error shows itself as silence.
	_ = w.RequestProgress(ctx)
}

func (m *Mirror) response(resp *clientv3.WatchResponse) failure {
	if err := resp.Err(); err != nil {
		return failure{reasonOf(err, ReasonClosed), fmt.Errorf("watching %q: %w", m.cfg.Prefix, err)}
	}
	if resp.Created {
		return failure{}
	}
	seen := m.Status().Revision
	// A member that lags can answer with a lower revision after a reconnect; so
	// can an etcd restored from a backup. A list can't tell them apart, since
	// new writes may have raised the revision of the restored one by then.
	revision := resp.Header.GetRevision()
	if revision < seen {
		m.distrust = true
		return failure{ReasonClosed, errRegressed}
	}
	if !ordered(resp.Events, seen) {
		return failure{ReasonClosed, errDisorder}
	}
	// Only progress speaks for its header's revision: a watch that catches up
	// sends events with a header that is ahead of them.
	if n := len(resp.Events); n > 0 {
		revision = max(seen, resp.Events[n-1].Kv.ModRevision)
	}
	m.events(resp.Events, revision)
	m.lasting = true
	m.contact(revision)
	return failure{}
}

// ordered reports whether no event is older than the one before it, or than the
// revision that the copy is complete up to. etcd promises that, but has broken
// it (etcd-io/etcd issue 15220); what such a watch left out only a list shows.
func ordered(evs []*clientv3.Event, seen int64) bool {
	for _, ev := range evs {
		if ev.Kv.ModRevision < seen {
			return false
		}
		seen = ev.Kv.ModRevision
	}
	return true
}

func (m *Mirror) events(evs []*clientv3.Event, revision int64) {
	batch := Batch{Revision: revision, Events: make([]Event, 0, len(evs))}
	for _, ev := range evs {
		key, ok := m.relative(ev.Kv.Key)
		if !ok {
			continue
		}
		known, present := m.index[key]
		if present && ev.Kv.ModRevision <= known.modRevision {
			continue
		}
		if ev.Type == clientv3.EventTypeDelete {
			if !present {
				continue
			}
			delete(m.index, key)
			batch.Events = append(batch.Events, Event{Key: key, ModRevision: ev.Kv.ModRevision, Deleted: true})
			continue
		}
		m.index[key] = entry{ev.Kv.ModRevision}
		batch.Events = append(batch.Events, Event{Key: key, Value: ev.Kv.Value, ModRevision: ev.Kv.ModRevision, Lease: ev.Kv.Lease})
	}
	m.cfg.View.Apply(batch)
}

// probed takes the result of a linearizable read. It counts as contact only
// where it shows that the watch has missed nothing. The watch may have gone on
// while a slow answer was under way: that proves nothing.
func (m *Mirror) probed(p probed) failure {
	switch {
	case p.revision < p.known:
		m.distrust = true
		return failure{ReasonRegressed, errRegressed}
	case p.revision == m.Status().Revision:
		m.contact(p.revision)
	}
	return failure{}
}

// relative returns the key below Root in memory of its own: there are as many
// of them as keys.
func (m *Mirror) relative(key []byte) (string, bool) {
	rel, ok := bytes.CutPrefix(key, []byte(m.cfg.Root))
	return string(rel), ok
}

func reasonOf(err error, otherwise Reason) Reason {
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		return ReasonCompacted
	case errors.Is(err, rpctypes.ErrPermissionDenied), errors.Is(err, rpctypes.ErrAuthFailed),
		errors.Is(err, rpctypes.ErrInvalidAuthToken), errors.Is(err, rpctypes.ErrUserEmpty),
		errors.Is(err, rpctypes.ErrAuthOldRevision):
		return ReasonAuth
	}
	return otherwise
}
