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
// has gone back to an older revision, and with it its keys; nobody watches those
// without a wish, which a backup brings back, under a lease that lives on.
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
	var pasts []*job
	for key, p := range s.pasts {
		if p.acked && s.wishes[key] == nil {
			pasts = append(pasts, &job{edit: edit{action: actionRead, key: key}})
		}
	}
	s.mu.Unlock()
	err := s.inChunks(jobs, func(jobs []*job) error { return s.auditChunk(ctx, jobs) })
	if err == nil {
		err = s.inChunks(pasts, func(jobs []*job) error { return s.auditPasts(ctx, jobs) })
	}
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

// auditPasts has keys without a wish taken out that hang on a lease of this
// client's. Of a static value nothing tells after a while whose it is.
func (s *session) auditPasts(ctx context.Context, jobs []*job) error {
	_, outcomes, err := s.apply(ctx, jobs)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range outcomes {
		if key := jobs[i].edit.key; o.found != nil && o.found.Lease != 0 && s.wishes[key] == nil {
			s.late(key, o.found, false)
		}
	}
	return nil
}

// compare takes what an audit found of a key at a revision. The caller holds
// the mutex.
func (s *session) compare(w *wish, kv *mvccpb.KeyValue, revision int64) {
	switch {
	case kv == nil:
		s.judge(w, &mvccpb.KeyValue{ModRevision: revision}, true)
	case kv.ModRevision < w.revision && kv.Lease == 0 && w.static:
		s.heal(w) // older than the own write: of a backup that was restored
	case kv.ModRevision != w.revision:
		s.judge(w, kv, false)
	}
}

// mark is how far etcd was known to be at some time.
type mark struct {
	era      int   // counts how often etcd went back
	revision int64 // the highest in an answer of the era
}

// mark returns how far etcd is known to be.
func (s *session) mark() mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reach
}

// reached notes the revision of the answer to a linearizable request. One that
// is lower than what was known before the request is of an etcd that was wiped,
// or restored from a backup: what is known of keys' revisions, and the watches,
// which wait for higher ones, are worth nothing then.
func (s *session) reached(before mark, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case before.era != s.reach.era:
		return // of the time before, or already known
	case revision >= before.revision:
		s.reach.revision = max(s.reach.revision, revision)
		return
	}
	s.log.Warn("registrar: etcd has gone back to an older revision, looking at everything anew", "from", before.revision, "to", revision)
	s.reach = mark{s.reach.era + 1, revision}
	for _, w := range s.wishes {
		w.revision, w.fouledAt = 0, 0
		if w.unwatch != nil {
			s.watch(w, revision)
		}
		if w.static && w.settled() {
			s.heal(w) // what is there can be an older value of one's own, which looks like another's
		}
	}
	s.suspect = true
	s.nudge()
}
