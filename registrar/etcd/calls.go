package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// register records the wishes of a prepared service and waits a while for them.
func (s *session) register(ctx context.Context, service *registrar.Service) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return registrar.ErrClosed
	}
	asked := map[*wish]uint64{}
	for i := range service.Instances {
		in := &service.Instances[i]
		w := s.wish(instance(service.Namespace, service.Name, in.ID))
		if w.want(in) {
			asked[w] = w.version
		}
	}
	s.mu.Unlock()
	s.await(ctx, asked)
	return nil
}

// wish returns the wish for an instance, a new one if there is none. The caller
// holds the mutex.
func (s *session) wish(name catalog.Key) *wish {
	key := catalog.InstanceKey(s.prefix, name.Namespace, name.Service, name.ID)
	w := s.wishes[key]
	if w == nil {
		w = &wish{name: name, key: key}
		s.wishes[key] = w
		s.unguard(key)
	}
	return w
}

// unregister records that instances are to go, all of this client's in the
// service if ids is empty, and waits a while for it.
func (s *session) unregister(ctx context.Context, service *registrar.Service, ids []string) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return registrar.ErrClosed
	}
	asked := map[*wish]uint64{}
	for _, id := range ids {
		name := instance(service.Namespace, service.Name, id)
		key := catalog.InstanceKey(s.prefix, name.Namespace, name.Service, name.ID)
		w := s.wishes[key]
		switch {
		case w == nil:
			// What this client has never written is removed as it is found.
			w = s.wish(name)
			w.unwant(!s.sent(key))
		case w.remove:
			w.unwant(w.force) // tried again at once
		case !s.dismiss(w):
			continue
		}
		asked[w] = w.version
	}
	if len(ids) == 0 {
		for _, w := range s.wishes {
			if w.name.Namespace == service.Namespace && w.name.Service == service.Name && s.dismiss(w) {
				asked[w] = w.version
			}
		}
	}
	s.broadcast() // what is forgotten needs no more waiting
	s.mu.Unlock()
	s.await(ctx, asked)
	return nil
}

// dismiss has the client's own instance removed, and reports whether that takes
// a write. The caller holds the mutex.
func (s *session) dismiss(w *wish) bool {
	if w.remove {
		return true
	}
	w.wasStatic = w.wasStatic || w.static // an earlier run can have written it
	if !w.written && !w.wasStatic && !s.sent(w.key) {
		s.forget(w)
		return false
	}
	w.unwant(false)
	return true
}

// await wakes the writing goroutine and waits until it has tried what was
// asked, at most writeWait, and not at all while etcd is known to be away.
func (s *session) await(ctx context.Context, asked map[*wish]uint64) {
	if len(asked) == 0 {
		return
	}
	s.start()
	s.mu.Lock()
	s.resume = time.Time{} // what a user asks for now is no part of a crowd
	s.mu.Unlock()
	s.nudge()
	timeout := time.NewTimer(writeWait)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		enough := s.away != nil || s.slow || s.closed || s.tried(asked)
		s.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-timeout.C:
			s.mu.Lock()
			s.slow = true // the next caller doesn't wait until etcd has answered
			s.mu.Unlock()
			return
		}
	}
}

// tried reports whether all of the wishes were tried, or were replaced. The
// caller holds the mutex.
func (s *session) tried(asked map[*wish]uint64) bool {
	for w, version := range asked {
		if w.version == version && w.dirty && !w.tried && s.wishes[w.key] == w {
			return false
		}
	}
	return true
}

// start starts the writing goroutine, once.
func (s *session) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started && !s.closed {
		s.started = true
		s.wg.Go(s.run)
	}
}

// maxErrors bounds how many wishes an error of Wait or Close tells of.
const maxErrors = 10

// wait implements Client.Wait.
func (s *session) wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		changed, closed, answers := s.changed, s.closed, s.answers
		left, errs, denied := s.unsettled()
		all := len(s.wishes)
		s.mu.Unlock()
		switch {
		case closed:
			return registrar.ErrClosed
		case denied != nil:
			return denied
		case left == 0:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			err := fmt.Errorf("registrar: waiting for %d of %d instances to be in etcd as wished: %w", left, all, ctx.Err())
			if len(errs) == 0 && !answers {
				errs = append(errs, classify(explain(errNoAnswer, s.etcd.trouble())))
			}
			return errors.Join(append([]error{err}, errs...)...)
		}
	}
}

// unsettled counts the wishes that etcd doesn't have, and returns the errors of
// the first few, and the first of all that is ErrPermission. The
// caller holds the mutex.
func (s *session) unsettled() (left int, errs []error, denied error) {
	for _, w := range s.wishes {
		if w.settled() {
			continue
		}
		left++
		err := s.errorOf(w)
		if err == nil {
			continue
		}
		err = fmt.Errorf("%s: %w", w.name, err)
		if denied == nil && errors.Is(err, registrar.ErrPermission) {
			denied = fmt.Errorf("registrar: %w", err)
		}
		if len(errs) < maxErrors {
			errs = append(errs, err)
		}
	}
	return left, errs, denied
}

// status implements Client.Status.
func (s *session) status() []registrar.InstanceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	out := make([]registrar.InstanceStatus, 0, len(s.wishes))
	for _, w := range s.wishes {
		out = append(out, registrar.InstanceStatus{
			Namespace: w.name.Namespace, Service: w.name.Service, ID: w.name.ID,
			State: w.state, Since: w.since, Err: s.errorOf(w),
		})
	}
	slices.SortFunc(out, func(a, b registrar.InstanceStatus) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID))
	})
	return out
}
