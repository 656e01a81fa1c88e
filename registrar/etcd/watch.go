package etcd

import (
	"bytes"
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

// watch has the key of a wish watched from after a revision on. A key is
// watched alone rather than with its service: ten thousand instances of one
// service would otherwise tell each other of every change. The caller holds the
// mutex.
func (s *session) watch(w *wish, after int64) {
	if w.unwatch != nil {
		w.unwatch()
	}
	ctx, cancel := context.WithCancel(s.running)
	w.unwatch = cancel
	key := w.key
	s.wg.Go(func() { s.follow(ctx, key, after) })
}

// follow watches a key until ctx is done. Where the watch breaks it reads the
// key and watches from there on.
func (s *session) follow(ctx context.Context, key string, after int64) {
	pause := backoff.New(retryBase, retryLimit)
	for {
		for resp := range s.etcd.watch(ctx, key, after) {
			if err := resp.Err(); err != nil {
				if errors.Is(err, rpctypes.ErrInvalidAuthToken) {
					s.etcd.endWatches() // a stream whose token has run out takes no more watches
				}
				break
			}
			for _, ev := range resp.Events {
				s.observe(ctx, key, ev.Kv, ev.Type == clientv3.EventTypeDelete)
				pause.Reset()
			}
		}
		for {
			// While etcd is known to be away the writing goroutine alone asks
			// for it, rather than each key.
			if s.inContact(ctx) != nil || pause.Wait(ctx) != nil {
				return
			}
			revision, err := s.look(ctx, key)
			if err == nil {
				after = revision
				break
			}
		}
	}
}

// inContact waits until etcd is not known to be away.
func (s *session) inContact(ctx context.Context) error {
	for {
		s.mu.Lock()
		away, changed := s.away != nil, s.changed
		s.mu.Unlock()
		if !away {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look reads a key, takes what it finds as a watch would show it, and returns
// the revision. It doesn't count as contact: the writing goroutine finds out by
// itself.
func (s *session) look(ctx context.Context, key string) (int64, error) {
	s.mu.Lock()
	before, written := s.reach, int64(0)
	if w := s.wishes[key]; w != nil {
		written = w.revision
	}
	s.mu.Unlock()
	timed, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	revision, outcomes, err := s.etcd.apply(timed, []edit{{action: actionRead, key: key}})
	if err != nil {
		return 0, err
	}
	s.reached(before, revision) // starts another watch, and ends ctx, if etcd has gone back
	kv := outcomes[0].found
	if kv == nil {
		s.observe(ctx, key, &mvccpb.KeyValue{Key: []byte(key), ModRevision: revision}, true)
		return revision, nil
	}
	if kv.ModRevision < written {
		// etcd has gone back, and been written to so often that it doesn't show.
		s.distrust()
		s.nudge()
	}
	s.observe(ctx, key, kv, false)
	return revision, nil
}

// observe takes what the watch of a key shows.
func (s *session) observe(ctx context.Context, key string, kv *mvccpb.KeyValue, deleted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wishes[key]
	switch {
	case ctx.Err() != nil:
	case w == nil:
		s.late(key, kv, deleted)
	case !w.remove && kv.ModRevision > w.revision:
		s.judge(w, kv, deleted)
	}
}

// judge compares a key with the wish. The caller holds the mutex.
func (s *session) judge(w *wish, kv *mvccpb.KeyValue, deleted bool) {
	lease := clientv3.LeaseID(kv.Lease)
	switch {
	case deleted:
		if w.state == registrar.StateRegistered {
			s.log.Warn("registrar: the instance is gone from etcd, putting it back", "instance", w.name.String())
		}
		w.fouledAt = kv.ModRevision
		s.heal(w)
	case s.mine(w, lease, kv.Value) && bytes.Equal(kv.Value, w.value) && lease != w.held:
		// The own write under another lease than the last one that was
		// acknowledged: one that is about to be, or one that came through late
		// under a former lease, which nobody renews.
		w.fouledAt, w.held = kv.ModRevision, lease
		s.heal(w)
	case s.mine(w, lease, kv.Value) && bytes.Equal(kv.Value, w.value):
		// The own write, or one whose acknowledgement was lost.
		w.fouledAt = kv.ModRevision // newer than what is about to be acknowledged under another lease
		if w.state == registrar.StateSuperseded {
			w.set(registrar.StateRegistered, nil)
			s.broadcast()
		}
	case s.mine(w, lease, kv.Value) && (lease != 0 || s.doubted(w.key, kv.Value)):
		// An own write that came through late, or somebody meddles.
		w.fouledAt = kv.ModRevision
		s.heal(w)
	default:
		// Lease 0 tells nobody apart: another static value is another client's
		// word, and putting the own one back would start a fight.
		w.fouledAt = kv.ModRevision
		s.superseded(w)
		s.broadcast()
	}
}
