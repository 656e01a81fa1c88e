package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// failure is why a mirror has to go on from anew: by another watch, or by a
// list where mustList says so.
type failure struct {
	reason Reason
	err    error
}

// mustList reports whether a watch can't be resumed: what happened since, or
// before, only a list shows.
func (f failure) mustList() bool {
	switch f.reason {
	case ReasonCompacted, ReasonSilent, ReasonRegressed, ReasonDisorder, ReasonAudit:
		return true
	}
	return false
}

var (
	errSilent   = errors.New("the watch fell silent")
	errClosed   = errors.New("the watch was closed")
	errDisorder = errors.New("the watch showed an old change after a newer one")
)

// follow lists unless the copy can be resumed, then watches until something
// breaks.
func (m *Mirror) follow(ctx context.Context, reason Reason) failure {
	audit := m.soon()
	if !m.listed {
		head, err := m.list(ctx, reason)
		if err != nil {
			return failure{reasonOf(err, ReasonList), fmt.Errorf("listing %q: %w", m.cfg.Prefix, m.explain(err))}
		}
		m.listed, audit = true, jittered(auditEvery)
		m.contact(head)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A server that hangs when the watch is opened would otherwise hang the
	// mirror.
	stuck := time.AfterFunc(watchSilence, func() { cancel(errSilent) })
	w, err := m.cfg.Source.Watch(ctx, m.cfg.Prefix, m.Status().Revision)
	inTime := stuck.Stop()
	if err == nil {
		defer w.Close()
	}
	switch {
	case !inTime:
		return failure{ReasonSilent, errSilent}
	case err != nil:
		return failure{reasonOf(err, ReasonClosed), fmt.Errorf("watching %q: %w", m.cfg.Prefix, m.explain(err))}
	}
	m.resumedFor = reason
	return m.watch(ctx, w, audit)
}

// watch follows a watch until it ends or nothing is heard of it.
func (m *Mirror) watch(ctx context.Context, w Watch, firstAudit time.Duration) failure {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	ctx, cancel := context.WithCancel(ctx)
	probes, audits := newProbes(m), newAudits(m, firstAudit)
	defer probes.wait()
	defer audits.stop()
	defer cancel()
	heard := time.Now()
	silence := time.NewTimer(watchSilence)
	defer silence.Stop()
	m.ask(ctx, w) // so that a watch that was resumed shows at once that it works
	for {
		var f failure
		select {
		case <-ctx.Done():
			return failure{ReasonClosed, ctx.Err()}
		case <-silence.C:
			return failure{ReasonSilent, errSilent}
		case resp, ok := <-w.Responses():
			if !ok {
				return m.closed(w)
			}
			f = m.response(&resp)
			heard = time.Now()
			silence.Reset(watchSilence)
		case result := <-probes.results:
			var current bool
			if current, f = probes.done(result, audits); current {
				silence.Reset(watchSilence) // it has missed nothing: its silence is no fault
			}
		case <-probes.again:
			probes.start(ctx)
		case page := <-audits.pages:
			audits.running.compare(m, page)
		case err := <-audits.results:
			f = audits.done(err)
		case <-audits.timer.C:
			audits.start(ctx)
		case <-tick.C:
			m.ask(ctx, w)
			if time.Since(heard) > progressEvery+progressEvery/2 {
				probes.start(ctx)
			}
		}
		if f.err != nil {
			return f
		}
	}
}

// closed returns why a watch has ended.
func (m *Mirror) closed(w Watch) failure {
	err := w.Err()
	if err == nil {
		err = errClosed
	}
	return failure{reasonOf(err, ReasonClosed), fmt.Errorf("watching %q: %w", m.cfg.Prefix, m.explain(err))}
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
	if err := cancelled(resp); err != nil {
		return failure{reasonOf(err, ReasonClosed), fmt.Errorf("watching %q: %w", m.cfg.Prefix, err)}
	}
	if resp.Created {
		return failure{}
	}
	arrived, seen := time.Now(), m.Status()
	// A member that lags can answer with a lower revision after a reconnect; so
	// can an etcd restored from a backup. A list is right in both cases.
	head := Head{Cluster: resp.Header.GetClusterId(), Revision: resp.Header.GetRevision()}
	if head.Revision < seen.Revision || otherCluster(seen.Cluster, head.Cluster) {
		return failure{ReasonRegressed, errRegressed}
	}
	if !ordered(resp.Events, seen.Revision) {
		return failure{ReasonDisorder, errDisorder}
	}
	// Only progress speaks for its header's revision: a watch that catches up
	// sends events with a header that is ahead of them.
	if n := len(resp.Events); n > 0 {
		head.Revision = max(seen.Revision, resp.Events[n-1].Kv.ModRevision)
	}
	m.events(resp.Events, head.Revision)
	if len(resp.Events) > 0 {
		m.cfg.Observer.Applied(len(resp.Events), time.Since(arrived))
	}
	m.works()
	m.contact(head)
	return failure{}
}

// works notes that the watch does what it should.
func (m *Mirror) works() {
	m.lasting = true
	if m.resumedFor != "" {
		m.cfg.Observer.Resumed(m.resumedFor)
		m.resumedFor = ""
	}
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
		short := indexKey(key)
		known, present := m.index[short]
		if present && ev.Kv.ModRevision <= known.modRevision {
			continue
		}
		m.auditing.changing(m, short)
		if ev.Type == clientv3.EventTypeDelete {
			if !present {
				continue
			}
			delete(m.index, short)
			batch.Events = append(batch.Events, Event{Key: key, ModRevision: ev.Kv.ModRevision, Deleted: true})
			continue
		}
		m.index[short] = entryOf(ev.Kv)
		batch.Events = append(batch.Events, Event{Key: key, Value: ev.Kv.Value, ModRevision: ev.Kv.ModRevision, Lease: ev.Kv.Lease})
	}
	m.cfg.View.Apply(batch)
}

// probed takes the result of linearizable reads. It counts as contact only
// where it shows that the watch has missed nothing. The watch may have gone on
// while a slow answer was under way: that proves nothing.
func (m *Mirror) probed(p probed) (current bool, f failure) {
	seen := m.Status()
	switch {
	case p.Revision < p.known, otherCluster(seen.Cluster, p.Cluster):
		return false, failure{ReasonRegressed, errRegressed}
	case p.Revision == m.complete, p.same && p.known == m.complete:
		// The status's revision stays the watch's, which shows what was written
		// and deleted since when it goes on.
		m.contact(Head{Cluster: p.Cluster, Revision: seen.Revision})
		m.complete = p.Revision
		return true, failure{}
	}
	return false, failure{}
}

func reasonOf(err error, otherwise Reason) Reason {
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		return ReasonCompacted
	case errors.Is(err, rpctypes.ErrPermissionDenied), errors.Is(err, rpctypes.ErrAuthFailed),
		errors.Is(err, rpctypes.ErrInvalidAuthToken), errors.Is(err, rpctypes.ErrUserEmpty),
		errors.Is(err, rpctypes.ErrAuthOldRevision):
		return ReasonAuth
	case errors.Is(err, rpctypes.ErrNoLeader):
		return ReasonLeader
	case errors.Is(err, rpctypes.ErrCorrupt):
		return ReasonCorrupt
	}
	return otherwise
}
