package etcd

import (
	"cmp"
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
)

// remove takes out all instances that are to go: all of them are marked before
// the first is deleted, so that Close, when its time is short, has marked as many
// as can be. The error is of the last request that failed; each wish has its own.
func (s *session) remove(ctx context.Context) error {
	s.mu.Lock()
	jobs := s.jobs(func(w *wish) bool { return w.remove }, func(w *wish) edit {
		return edit{action: actionRead, key: w.key}
	})
	s.mu.Unlock()
	var marked []*job
	err := s.inChunks(jobs, func(jobs []*job) error {
		return s.removeChunk(ctx, jobs, func(jobs []*job) error {
			marked = append(marked, jobs...)
			return nil
		})
	})
	if err != nil && away(err) {
		return err
	}
	var atOnce func(jobs []*job) error
	atOnce = func(jobs []*job) error { return s.deleteChunk(ctx, jobs, atOnce) }
	return cmp.Or(s.inChunks(marked, atOnce), err)
}

// removeChunk reads the keys, gives those that are to go the status down, and
// then passes them to marked to be deleted: readers see an instance that says itself that it goes,
// which tells it from one that crashed. Each step requires the key to be as the
// step before left it, lease and all, so that a successor's key is never
// touched.
func (s *session) removeChunk(ctx context.Context, jobs []*job, marked func([]*job) error) error {
	revision, outcomes, err := s.apply(ctx, jobs)
	if err != nil {
		return s.removeFailed(ctx, jobs, marked, err)
	}
	var victims []*job
	s.mu.Lock()
	for i, o := range outcomes {
		j := jobs[i]
		if o.found == nil || (!j.wish.force && !s.mine(j.wish, clientv3.LeaseID(o.found.Lease), o.found.Value)) {
			s.gone(j, revision)
			continue
		}
		j.found = o.found
		victims = append(victims, j)
	}
	s.broadcast()
	s.mu.Unlock()
	return s.inChunks(s.markDown(victims), func(jobs []*job) error { return s.deleteChunk(ctx, jobs, marked) })
}

// markDown makes each job the edit that writes status down. What can't be read
// as an instance is not served; it only has to go.
func (s *session) markDown(victims []*job) []*job {
	for _, j := range victims {
		j.edit = edit{key: j.wish.key, when: ifRevision, revision: j.found.ModRevision, action: actionDelete}
		in, err := catalog.DecodeValue(j.wish.name.ID, j.found.Value)
		if err != nil || in.Status == catalog.StatusDown {
			continue
		}
		in.Status = catalog.StatusDown
		j.edit.action, j.edit.value, j.edit.lease = actionPut, in.EncodeValue(), clientv3.LeaseID(j.found.Lease)
	}
	return victims
}

// deleteChunk makes the edits of markDown, and passes those jobs on to marked
// that have the status down now. Those that were to be deleted are gone then.
func (s *session) deleteChunk(ctx context.Context, jobs []*job, marked func([]*job) error) error {
	revision, outcomes, err := s.apply(ctx, jobs)
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		// etcd without space takes deletions still.
		s.refused(jobs)
		for _, j := range jobs {
			j.edit.action = actionDelete
		}
		revision, outcomes, err = s.apply(ctx, jobs)
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		s.refused(jobs)
		return s.laterRound(jobs, nil) // expired meanwhile: the next look shows it
	}
	if err != nil {
		return s.removeFailed(ctx, jobs, marked, err)
	}
	var left []*job
	var changed []*job
	s.mu.Lock()
	s.answered(jobs...)
	for i, o := range outcomes {
		j := jobs[i]
		switch {
		case o.done && j.edit.action == actionPut:
			j.edit.action, j.edit.revision = actionDelete, revision
			j.wish.revision = max(j.wish.revision, revision) // the watch need not tell of it
			left = append(left, j)
		case o.done, o.found == nil:
			s.gone(j, revision)
		default:
			changed = append(changed, j)
		}
	}
	s.broadcast()
	s.mu.Unlock()
	if len(changed) > 0 {
		_ = s.laterRound(changed, nil)
	}
	if len(left) == 0 {
		return nil
	}
	return marked(left)
}

// removeFailed finds out whom an error is about, as putFailed does.
func (s *session) removeFailed(ctx context.Context, jobs []*job, marked func([]*job) error, err error) error {
	if ctx.Err() != nil || away(err) {
		return err
	}
	s.refused(jobs)
	if len(jobs) > 1 && splits(err) {
		half := len(jobs) / 2
		return errors.Join(s.removeAlone(ctx, jobs[:half], marked), s.removeAlone(ctx, jobs[half:], marked))
	}
	return s.laterRound(jobs, err)
}

// removeAlone starts the removal of a part of a chunk from the beginning.
func (s *session) removeAlone(ctx context.Context, jobs []*job, marked func([]*job) error) error {
	for _, j := range jobs {
		j.edit = edit{action: actionRead, key: j.wish.key}
	}
	return s.removeChunk(ctx, jobs, marked)
}

// laterRound leaves jobs for the next round and returns err.
func (s *session) laterRound(jobs []*job, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		if !j.current() {
			continue
		}
		if err != nil {
			s.failed(j.wish, err)
		}
		j.wish.tried = true
	}
	s.broadcast()
	return err
}

// gone forgets a wish whose key was gone at a revision, unless it was wished for
// again. The caller holds the mutex.
func (s *session) gone(j *job, revision int64) {
	w := j.wish
	if !j.current() {
		return
	}
	s.forget(w)
	s.guard(w, revision)
	s.bury(w.key)
}

func (s *session) forget(w *wish) {
	if w.unwatch != nil {
		w.unwatch()
	}
	delete(s.wishes, w.key)
}
