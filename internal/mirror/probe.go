package mirror

import (
	"context"
	"sync"
	"time"
)

const (
	// probeAfter is after what silence of a stream probes begin: a progress
	// request was not answered.
	probeAfter = progressEvery + progressEvery/2
	// probeTimeout bounds a probe: less than progressEvery, so that one that
	// hangs makes room for the next.
	probeTimeout = 1500 * time.Millisecond
	// countAfter is how long after the last contact a probe counts keys where etcd
	// is ahead of the mirror: others write, perhaps outside the ranges. Every
	// second probe is enough to stay live, and half the work for etcd.
	countAfter = progressEvery + progressEvery/2
	// probeAgain is how long after its start a probe that failed is followed by
	// another, or else at once: one that fails by itself must not make a mirror
	// stale, and the next tick can come after that.
	probeAgain = progressEvery / 4
	// countsAtOnce bounds the requests of one probe under way.
	countsAtOnce = 8
)

// probedRange is a range as it was when a probe started.
type probedRange struct {
	r     *Range
	known int64  // what it equalled; etcd was no further back
	index *index // a copy
	// count is what etcd has of it, where that was asked for.
	count   Count
	counted bool
}

// same reports whether etcd has what the copy has, though it is ahead of it.
func (p *probedRange) same() bool {
	return p.counted && !p.count.Newer && p.count.Keys == count(p.index, p.r.name)
}

// probed is the result of a probe.
type probed struct {
	Head
	ranges []probedRange
	err    error // there is no result
}

// regressed reports whether etcd was behind what was known of it when the probe
// started.
func (p *probed) regressed() bool {
	for _, one := range p.ranges {
		if p.Revision < one.known {
			return true
		}
	}
	return false
}

// current notes which ranges were shown to equal etcd's, and reports whether all
// of a stream's were. A watch may have gone on while a slow answer was under
// way: that proves nothing.
func (p *probed) current(watches map[int64]*Range) bool {
	all := true
	seen := map[*Range]bool{}
	for i := range p.ranges {
		switch one := &p.ranges[i]; {
		case one.r.confirmed == p.Revision:
			seen[one.r] = true
		case one.r.confirmed == one.known && one.same():
			// The range's revision stays the watch's, which shows what was written
			// and deleted since when it goes on.
			one.r.confirmed = one.count.Revision
			seen[one.r] = true
		}
	}
	for _, r := range watches {
		all = all && seen[r]
	}
	return all
}

// probes runs one probe at a time beside a stream, which must not wait for it.
// All but read belongs to the loop.
type probes struct {
	cfg     *Config
	contact *contact
	results chan probed
	againAt time.Time // when a probe is to be repeated
	started time.Time
	running bool
	failed  bool // the last one
	away    bool // one has failed, and no audit was called for since
	wg      sync.WaitGroup
}

func newProbes(cfg *Config, c *contact) *probes {
	return &probes{cfg: cfg, contact: c, results: make(chan probed)}
}

// start starts a probe of the ranges of a stream unless one is running.
func (p *probes) start(ctx context.Context, now time.Time, watches map[int64]*Range, v views) {
	p.againAt = time.Time{}
	if p.running || len(watches) == 0 {
		return
	}
	p.running, p.started = true, now
	last, _ := p.contact.last()
	counts := now.Sub(last) > countAfter
	ranges := make([]probedRange, 0, len(watches))
	for _, r := range watches {
		ranges = append(ranges, probedRange{r: r, known: r.confirmed, index: v.of(r.view).index.Copy()})
	}
	p.wg.Go(func() {
		result := p.read(ctx, ranges, counts)
		select {
		case p.results <- result:
		case <-ctx.Done():
		}
	})
}

// read reads where etcd is, and, where asked, whether it has the same keys in
// those ranges that it is ahead of.
func (p *probes) read(ctx context.Context, ranges []probedRange, counts bool) probed {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	result := probed{ranges: ranges}
	if result.Head, result.err = p.cfg.Source.Probe(ctx, p.cfg.Root+ranges[0].r.name); result.err != nil || !counts {
		return result
	}
	result.err = p.count(ctx, result.Revision, ranges)
	return result
}

// count counts the keys of those ranges that etcd is ahead of.
func (p *probes) count(ctx context.Context, head int64, ranges []probedRange) error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, countsAtOnce)
	errs := make([]error, len(ranges))
	for i := range ranges {
		one := &ranges[i]
		if head <= one.known {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if one.count, errs[i] = p.cfg.Source.CountSince(ctx, p.cfg.Root+one.r.name, one.known); errs[i] == nil {
				one.counted = true
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// done handles the end of a probe, and reports whether it has a result. One that
// fails says nothing: the lack of contact shows in time.
func (p *probes) done(result *probed) bool {
	p.running = false
	if result.err != nil {
		if !p.failed { // the others wait for the tick
			p.againAt = p.started.Add(probeAgain)
		}
		p.failed, p.away = true, true
		return false
	}
	p.failed = false
	return true
}
