package etcd

import (
	"context"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// distrust has all keys read.
func (s *session) distrust() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspect = true
}

// audit reads all keys that were written, where watches can have missed
// something, and compares them with the wishes. A watch says nothing when etcd
// has gone back to an older revision, and with it its keys.
func (s *session) audit(ctx context.Context) error {
	s.mu.Lock()
	if !s.suspect {
		s.mu.Unlock()
		return nil
	}
	s.suspect = false
	var jobs []*job
	for _, w := range s.wishes {
		if w.acked && !w.dirty && !w.remove {
			j := w.job()
			j.edit = edit{action: actionRead, key: w.key}
			jobs = append(jobs, j)
		}
	}
	s.mu.Unlock()
	err := s.inChunks(jobs, func(jobs []*job) error { return s.auditChunk(ctx, jobs) })
	if err != nil && away(err) {
		s.distrust() // again, once there is an answer
		return err
	}
	return nil // who may not read finds out when writing
}

func (s *session) auditChunk(ctx context.Context, jobs []*job) error {
	revision, outcomes, err := s.apply(ctx, jobs)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range outcomes {
		// What a watch has shown since the read began is newer.
		if j := jobs[i]; j.current() && !j.wish.dirty && j.fouledAt == j.wish.fouledAt {
			s.compare(j.wish, o.found, revision)
		}
	}
	return nil
}

// compare takes what an audit found of a key at a revision. The caller holds
// the mutex.
func (s *session) compare(w *wish, kv *mvccpb.KeyValue, revision int64) {
	if kv == nil {
		s.judge(w, &mvccpb.KeyValue{ModRevision: revision}, true)
	} else if kv.ModRevision != w.revision {
		s.judge(w, kv, false)
	}
}

// reached notes the revision of an answer. One that is lower than before is of
// an etcd that was restored from a backup: what is known of keys' revisions, and
// the watches, which wait for higher ones, are worth nothing then.
func (s *session) reached(revision int64) {
	before := s.revision
	s.revision = revision
	if revision >= before {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Warn("registrar: etcd has gone back to an older revision, looking at everything anew", "from", before, "to", revision)
	for _, w := range s.wishes {
		w.revision, w.fouledAt = 0, 0
		if w.unwatch != nil {
			s.watch(w, revision)
		}
	}
	s.suspect = true
	s.nudge()
}
