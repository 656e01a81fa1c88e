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

// probed is the result of a probe.
type probed struct {
	Head
	known int64 // what the index equalled when the probe started; etcd was no further back
	same  bool  // though etcd is ahead of that, the keys are the same
}

// probes runs one probe at a time beside a watch, which must not wait for it.
type probes struct {
	m       *Mirror
	results chan probed
	running chan struct{} // holds a token while a probe runs
	wg      sync.WaitGroup
}

func newProbes(m *Mirror) *probes {
	return &probes{m: m, results: make(chan probed), running: make(chan struct{}, 1)}
}

// start starts a probe unless one is running. A probe that fails says nothing:
// the lack of contact shows in time.
func (p *probes) start(ctx context.Context) {
	select {
	case p.running <- struct{}{}:
	default:
		return
	}
	known, keys := p.m.complete, len(p.m.index)
	count := time.Since(p.m.Status().Contact) > censusAfter
	p.wg.Go(func() {
		defer func() { <-p.running }()
		probe, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		result := probed{known: known}
		var err error
		if result.Head, err = p.m.cfg.Source.Probe(probe, p.m.cfg.Prefix); err != nil {
			return
		}
		if count && result.Revision > known {
			c, err := p.m.cfg.Source.Census(probe, p.m.cfg.Prefix, known)
			if err == nil && !c.Newer && c.Keys == keys {
				result.Head, result.same = c.Head, true
			}
		}
		select {
		case p.results <- result:
		case <-probe.Done():
		}
	})
}

// wait waits for a running probe, which ends with its context. Results are
// dropped.
func (p *probes) wait() {
	p.wg.Wait()
}
