package mirror

import (
	"context"
	"sync"
	"time"
)

// pacer asks for progress on a stream whenever that is due: progressEvery after the
// last request, or longer if that was answered and nobody reads the views.
type pacer struct {
	request func() // queues a request for progress
	// unanswered has a token when another request is due, and nothing was heard since
	// the last one.
	unanswered chan struct{}
	replan     chan struct{} // has a token when the next one is due at another time

	mu    sync.Mutex
	every time.Duration // between two requests of which the first was answered
	asked time.Time     // the last request
	heard time.Time     // the last response of any kind
	hurry int           // so many requests follow after progressEvery in any case
}

func newPacer(request func(), every time.Duration) *pacer {
	now := time.Now()
	return &pacer{
		request: request, unanswered: make(chan struct{}, 1), replan: make(chan struct{}, 1),
		every: every, asked: now, heard: now,
	}
}

// run asks until ctx is done.
func (p *pacer) run(ctx context.Context) {
	for {
		// Each time another timer: one that is put off wakes an idle process when it was
		// due at first.
		select {
		case <-time.After(p.askIfDue()):
		case <-p.replan:
		case <-ctx.Done():
			return
		}
	}
}

// askIfDue asks if that is due, and returns for how long it is not.
func (p *pacer) askIfDue() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if due(p.dueAt(), now) {
		if p.silent() {
			signal(p.unanswered)
		}
		p.ask(now)
	}
	return p.dueAt().Sub(now)
}

// askNow asks although it is not due.
func (p *pacer) askNow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ask(time.Now())
	signal(p.replan)
}

// askEarly asks if that is due soon, unless an answer is awaited.
func (p *pacer) askEarly() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.every > progressEvery && !p.silent() && now.Sub(p.asked) >= p.every/2 {
		p.ask(now)
		signal(p.replan)
	}
}

// ask asks; the caller holds the mutex, as for dueAt and silent.
func (p *pacer) ask(now time.Time) {
	p.request()
	p.asked = now
	p.hurry = max(p.hurry-1, 0)
}

// dueAt returns when the next request is due.
func (p *pacer) dueAt() time.Time {
	if p.silent() || p.hurry > 0 {
		return p.asked.Add(progressEvery)
	}
	return p.asked.Add(p.every)
}

// silent reports whether nothing was heard since the last request.
func (p *pacer) silent() bool { return p.heard.Before(p.asked) }

// hear notes a response.
func (p *pacer) hear(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent() && p.every > progressEvery {
		signal(p.replan)
	}
	p.heard = now
}

// hasten has so many requests made at the pace of readers.
func (p *pacer) hasten(requests int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurry = max(p.hurry, requests)
	signal(p.replan)
}

// setEvery sets the time between two requests of which the first was answered.
func (p *pacer) setEvery(every time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every = every
	signal(p.replan)
}
