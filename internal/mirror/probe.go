package mirror

import (
	"context"
	"sync"
)

// probed is the result of a probe.
type probed struct {
	Head
	known int64 // the mirror's revision when the probe started; etcd's was no lower
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
	known := p.m.Status().Revision
	p.wg.Go(func() {
		defer func() { <-p.running }()
		probe, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		head, err := p.m.cfg.Source.Probe(probe, p.m.cfg.Prefix)
		if err != nil {
			return
		}
		select {
		case p.results <- probed{head, known}:
		case <-probe.Done():
		}
	})
}

// wait waits for a running probe, which ends with its context. Results are
// dropped.
func (p *probes) wait() {
	p.wg.Wait()
}
