package mirror

import (
	"context"
	"sync"
	"time"
)

// censusAfter is how long after the last contact a probe takes a census where
// etcd is ahead of the mirror: others write, perhaps outside the prefix. Every
// second probe is enough to stay live, and half the work for etcd.
const censusAfter = progressEvery + progressEvery/2

// probeAgain is how long after its start a probe that failed is followed by
// another, or else at once: one that fails by itself must not make a mirror
// stale, and the next tick can be too late for that.
const probeAgain = progressEvery / 4

// probed is the result of a probe.
type probed struct {
	Head
	known int64 // what the index equalled when the probe started; etcd was no further back
	same  bool  // though etcd is ahead of that, the keys are the same
	took  time.Duration
	err   error // there is no result
}

// probes runs one probe at a time beside a watch, which must not wait for it.
// All but read belongs to Run's goroutine.
type probes struct {
	m       *Mirror
	results chan probed
	again   <-chan time.Time // nil where no probe is to be repeated
	running bool
	failed  bool // the last one
	away    bool // one has failed, and no audit was called for since
	wg      sync.WaitGroup
}

func newProbes(m *Mirror) *probes {
	return &probes{m: m, results: make(chan probed)}
}

// start starts a probe unless one is running.
func (p *probes) start(ctx context.Context) {
	if p.running {
		return
	}
	p.running = true
	known, keys := p.m.complete, len(p.m.index)
	count := time.Since(p.m.Status().Contact) > censusAfter
	p.wg.Go(func() {
		started := time.Now()
		result := p.read(ctx, known, keys, count)
		result.took = time.Since(started)
		select {
		case p.results <- result:
		case <-ctx.Done():
		}
	})
}

// read reads where etcd is, and where that is ahead of what is known, if so
// wanted, whether the keys are those known.
func (p *probes) read(ctx context.Context, known int64, keys int, count bool) probed {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	head, err := p.m.cfg.Source.Probe(ctx, p.m.cfg.Prefix)
	if err != nil {
		return probed{err: err}
	}
	if !count || head.Revision <= known {
		return probed{Head: head, known: known}
	}
	c, err := p.m.cfg.Source.Census(ctx, p.m.cfg.Prefix, known)
	switch {
	case err != nil:
		return probed{err: err}
	case c.Newer || c.Keys != keys:
		return probed{Head: head, known: known}
	}
	return probed{Head: c.Head, known: known, same: true}
}

// done takes the end of a probe, and reports whether it was contact. One that
// fails says nothing: the lack of contact shows in time.
func (p *probes) done(result probed, a *audits) (current bool, f failure) {
	p.running = false
	if result.err != nil {
		if !p.failed { // the others wait for the tick
			p.again = time.After(probeAgain - result.took)
		}
		p.failed, p.away = true, true
		return false, failure{}
	}
	p.failed = false
	current, f = p.m.probed(result)
	// A connection that breaks behind a proxy breaks no watch, but etcd can be
	// one that was restored all the same, and be past what is known by now.
	if current && p.away && a.hasten() {
		p.away = false
	}
	return current, f
}

// wait waits for a running probe, which ends with its context. Results are
// dropped.
func (p *probes) wait() {
	p.wg.Wait()
}
