package etcd

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
)

// lateLimit is how long the key of an instance is watched after Unregister, if
// the client has sent a write that etcd has not answered: etcd itself gives one
// up after some 7 s, but a member that was stopped has it still when it goes on.
// Not for ever, since nothing tells a late static write from one of another
// client of the same value.
const lateLimit = time.Minute

// guard watches for late writes of a wish whose key was seen to be gone at a
// revision. The caller holds the mutex.
func (s *session) guard(w *wish, after int64) {
	p := s.pasts[w.key]
	if p == nil || !p.inDoubt() || s.closed {
		return
	}
	p.name = w.name
	ctx, cancel := context.WithTimeout(s.running, lateLimit)
	p.unguard = cancel
	key := w.key
	s.wg.Go(func() {
		defer cancel()
		s.follow(ctx, key, after)
	})
}

// unguard ends what guard has begun, for the key has a wish again, and its
// watch. The caller holds the mutex.
func (s *session) unguard(key string) {
	if p := s.pasts[key]; p != nil && p.unguard != nil {
		p.unguard()
		p.unguard = nil
	}
}

// late takes what is seen of a key without a wish: a write that came through
// after all is undone. One under the client's own lease would stay for as long as
// the client lives. The caller holds the mutex.
func (s *session) late(key string, kv *mvccpb.KeyValue, deleted bool) {
	lease, p := clientv3.LeaseID(kv.Lease), s.pasts[key]
	switch {
	case deleted || p == nil:
		return
	case lease == 0 && s.doubted(key, kv.Value):
		p.settle(kv.Value)
	case lease != 0 && s.own[lease]:
		p.leased = max(p.leased-1, 0)
	default:
		return
	}
	s.log.Warn("registrar: a write came through after the instance was unregistered, taking it out", "instance", p.name.String())
	w := s.wish(p.name)
	w.wasStatic = lease == 0
	w.unwant(false)
	s.nudge()
	s.broadcast()
}

// settle notes that one write of the value is no longer in doubt.
func (p *past) settle(value []byte) {
	if i := p.index(sha256.Sum256(value)); i >= 0 && !p.doubts[i].more {
		p.doubts = slices.Delete(p.doubts, i, i+1)
	}
}

// instance names an instance of a service.
func instance(namespace, service, id string) catalog.Key {
	return catalog.Key{Kind: catalog.KindInstance, Namespace: namespace, Service: service, ID: id}
}
