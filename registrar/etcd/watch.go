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
			if pause.Wait(ctx) != nil {
				return
			}
			kv, revision, err := s.look(ctx, key)
			if err == nil {
				after = revision
				s.observe(ctx, key, cmpKV(kv, key, revision), kv == nil)
				break
			}
		}
	}
}

// cmpKV returns kv, or what stands for an absent key.
func cmpKV(kv *mvccpb.KeyValue, key string, revision int64) *mvccpb.KeyValue {
	if kv != nil {
		return kv
	}
	return &mvccpb.KeyValue{Key: []byte(key), ModRevision: revision}
}

// look reads a key. It doesn't count as contact: the writing goroutine finds
// out by itself.
func (s *session) look(ctx context.Context, key string) (*mvccpb.KeyValue, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	revision, outcomes, err := s.etcd.apply(ctx, []edit{{action: actionRead, key: key}})
	if err != nil {
		return nil, 0, err
	}
	return outcomes[0].found, revision, nil
}

// observe takes what the watch of a key shows.
func (s *session) observe(ctx context.Context, key string, kv *mvccpb.KeyValue, deleted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wishes[key]
	if ctx.Err() != nil || w == nil || w.remove || kv.ModRevision <= w.revision {
		return
	}
	s.judge(w, kv, deleted)
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
	case s.mine(w, lease) && bytes.Equal(kv.Value, w.value):
		// The own write, or one whose acknowledgement was lost.
		if w.state == registrar.StateSuperseded {
			w.held = lease
			w.set(registrar.StateRegistered, nil)
			s.broadcast()
		}
	case s.mine(w, lease) && lease != 0:
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
