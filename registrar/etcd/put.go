package etcd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
)

// put writes all instances that are to be written. The error is of the last
// request that failed; each wish has its own.
func (s *session) put(ctx context.Context) error {
	return s.inChunks(s.toPut(), func(jobs []*job) error { return s.putChunk(ctx, jobs) })
}

// inChunks calls do for runs of jobs that fit into a request, until etcd gives
// no answer.
func (s *session) inChunks(jobs []*job, do func([]*job) error) error {
	var last error
	for _, chunk := range chunks(jobs) {
		if err := do(chunk); err != nil {
			last = err
			if away(err) || errors.Is(err, rpctypes.ErrLeaseNotFound) {
				break
			}
		}
	}
	return last
}

func (s *session) toPut() []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs(func(w *wish) bool { return !w.remove && (w.static || s.lease != 0) }, s.putEdit)
}

// jobs returns those wishes that are to be written, in order of key. The caller
// holds the mutex.
func (s *session) jobs(which func(*wish) bool, do func(*wish) edit) []*job {
	var jobs []*job
	for _, w := range s.wishes {
		if w.dirty && !w.tried && which(w) {
			j := w.job()
			j.edit = do(w)
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b *job) int { return strings.Compare(a.wish.key, b.wish.key) })
	return jobs
}

func (s *session) putEdit(w *wish) edit {
	e := edit{action: actionPut, key: w.key, value: w.value}
	if !w.static {
		e.lease = s.lease
	}
	if w.acked {
		e.when, e.held = ifAbsentOrLease, w.held
	}
	w.written = true
	w.wasStatic = w.wasStatic || w.static
	return e
}

func (s *session) putChunk(ctx context.Context, jobs []*job) error {
	revision, outcomes, err := s.apply(ctx, jobs)
	if err != nil {
		return s.putFailed(ctx, jobs, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered(jobs...)
	for i, o := range outcomes {
		s.putDone(jobs[i], o, revision)
	}
	s.broadcast()
	return nil
}

// putFailed finds out whom an error is about: a refusal of one key refuses the
// whole transaction, so that halves are tried apart.
func (s *session) putFailed(ctx context.Context, jobs []*job, err error) error {
	if ctx.Err() != nil || away(err) {
		return err // each wish has the error already
	}
	s.refused(jobs)
	switch {
	case errors.Is(err, rpctypes.ErrLeaseNotFound) && s.lease != 0:
		s.endRenewal() // so that the lease is asked for
		return err
	case len(jobs) > 1 && splits(err):
		half := len(jobs) / 2
		return errors.Join(s.putChunk(ctx, jobs[:half]), s.putChunk(ctx, jobs[half:]))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		s.failed(j.wish, err)
	}
	s.broadcast()
	return err
}

// failed notes that etcd refuses a wish. The caller holds the mutex.
func (s *session) failed(w *wish, err error) {
	w.tried = true
	if w.state != registrar.StateFailed {
		s.log.Warn("registrar: etcd refuses, trying again for as long as it takes", "instance", w.name.String(), "error", err)
	}
	if w.remove {
		w.set(registrar.StateUnregistering, classify(err))
	} else {
		w.set(registrar.StateFailed, classify(err))
	}
}

// refuse notes that there is no lease to write under.
func (s *session) refuse(err error) {
	if away(err) && !errors.Is(err, errLeaseZero) {
		return // each wish has the error already
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wishes {
		if w.dirty && !w.remove && !w.static {
			s.failed(w, err)
		}
	}
	s.broadcast()
}

// putDone takes the result of a write. The caller holds the mutex.
func (s *session) putDone(j *job, o outcome, revision int64) {
	w := j.wish
	if !o.done {
		lease := clientv3.LeaseID(o.found.Lease)
		switch {
		case s.mine(w, lease, o.found.Value):
			w.held, w.tried = lease, true // a former one: next round
		case j.current():
			s.superseded(w)
		}
		return
	}
	w.acked, w.held = true, j.edit.lease
	p := s.history(w.key)
	p.acked, p.name = true, w.name
	if w.unwatch == nil {
		s.watch(w, revision)
	}
	w.revision = revision
	if j.current() && j.last(revision) {
		w.dirty, w.tried = false, false
		w.set(registrar.StateRegistered, nil)
	}
}

// superseded notes that the key is another client's. The caller holds the mutex.
func (s *session) superseded(w *wish) {
	w.dirty, w.tried = false, false
	if w.state != registrar.StateSuperseded {
		s.log.Warn("registrar: another client has taken over the instance, silent until it is gone", "instance", w.name.String())
	}
	w.set(registrar.StateSuperseded, registrar.ErrSuperseded)
}

// heal has a key put back: at once, but not over and over. The caller holds the
// mutex.
func (s *session) heal(w *wish) {
	w.dirty, w.tried = true, time.Since(w.healed) < healEvery
	w.healed = time.Now()
	w.set(registrar.StatePending, nil)
	s.nudge()
	s.broadcast()
}
