package mirror

import (
	"context"
	"sync"
	"time"
)

// session is an open watch stream with its watches. Goroutines of its own
// receive, send, and request progress, so that none of this waits for a view, nor
// for each other.
type session struct {
	ctx    context.Context
	stream Stream
	cancel context.CancelFunc
	queue  *queue
	sender *sender
	pacer  *pacer
	probes *probes
	wg     sync.WaitGroup

	// Of the loop:
	reason  Reason // why it was opened
	worked  bool   // it has shown changes or progress
	watches map[int64]*Range
	lastID  int64
	heard   time.Time // the last response
	excused time.Time // the last probe that has shown that it misses nothing
}

// newSession starts to use a stream.
func newSession(o opened, c *core, reason Reason) *session {
	s := &session{
		ctx: o.ctx, stream: o.stream, cancel: o.cancel, queue: newQueue(), sender: newSender(), reason: reason,
		watches: map[int64]*Range{}, heard: time.Now(),
	}
	s.pacer = newPacer(s.sender.ask, c.contact.every())
	s.probes = newProbes(&c.cfg, c.contact)
	s.wg.Go(func() { s.receive(o.ctx, c.contact) })
	s.wg.Go(func() { s.sender.run(o.ctx, o.stream) })
	s.wg.Go(func() { s.pacer.run(o.ctx) })
	return s
}

// receive queues what arrives. It is contact on arrival: the copy is complete up
// to its revision then, however long it takes to apply what has arrived since.
func (s *session) receive(ctx context.Context, c *contact) {
	defer s.queue.close()
	for resp := range s.stream.Responses() {
		c.see(resp.GetHeader().GetRevision())
		if !resp.Created && !resp.Canceled {
			c.note()
		}
		now := time.Now()
		s.pacer.hear(now)
		if !s.queue.put(ctx, received{resp, now}) {
			return
		}
	}
}

// add asks for a watch of a range from its revision on.
func (s *session) add(r *Range, root string) {
	s.lastID++
	id, rng, after := s.lastID, root+r.name, r.revision
	asked := s.sender.send(func(stream Stream) error { return stream.Add(id, rng, after) })
	r.watch = &watch{id: id, asked: asked}
	r.phase = creating
	s.watches[id] = r
}

// remove ends a watch; what it still shows is dropped.
func (s *session) remove(w *watch) {
	if s.watches[w.id] == nil {
		return // etcd has ended it
	}
	delete(s.watches, w.id)
	s.sender.send(func(stream Stream) error { return stream.Remove(w.id) })
}

// created notes that a watch was created.
func (s *session) created(r *Range, at time.Time) {
	r.watch.created = true
	r.freshUntil = time.Time{}
	if r.watch.skip = s.sender.before(r.watch.asked, at); r.watch.skip > 0 {
		s.pacer.hasten(r.watch.skip + 1)
	}
	r.phase = watching
	r.watched.Store(true)
	r.changed.Notify()
}

// silentAt returns when the stream has been silent for too long, where as much more
// than progressEvery can pass between two requests.
func (s *session) silentAt(slack time.Duration) time.Time {
	since := s.heard
	if s.excused.After(since) {
		since = s.excused
	}
	return since.Add(watchSilence + slack)
}

// close ends the stream and waits for all goroutines.
func (s *session) close() {
	s.cancel()
	s.probes.wg.Wait()
	<-s.sender.done // a stream is used by one goroutine at a time
	s.stream.Close()
	s.wg.Wait()
}
