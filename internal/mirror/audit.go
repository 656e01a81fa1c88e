package mirror

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// When audits run.
const (
	// auditEvery is the time between audits of a stream that goes on, less up to
	// a fifth, so that many mirrors don't read at the same time.
	auditEvery = 5 * time.Minute
	// auditSoon is within what time of a reconnect an audit starts, at random to
	// keep apart mirrors that lost the same server: the etcd behind it can be one
	// that was restored, which no watch tells.
	auditSoon = 3 * time.Second
	// auditShare is how often the time that the last audit took has to pass
	// before the next, so that connections that break all the time don't make
	// etcd do nothing else; auditLimit bounds that. The copy has to be that of a
	// restored etcd within ten seconds: what auditSoon and auditLimit leave of
	// them is for the audit, a pause and a list, which takes as long.
	auditShare = 20
	auditLimit = 2 * time.Second
	// auditRetry is the pause after an audit that could not be completed.
	auditRetry = 5 * time.Second
)

// maxExamples is how many keys a log line names.
const maxExamples = 3

// audit compares a range, as it was when the audit started, with etcd at the
// same revision, while the watch goes on.
type audit struct {
	r       *Range
	at      int64
	index   *index   // a copy
	ahead   []string // other ranges that were complete beyond that
	differs int
	example []string
	head    Head
	err     error
}

// read compares the range with etcd.
func (a *audit) read(ctx context.Context, cfg *Config) {
	compare := newComparison(a.index, a.r.name)
	a.head, a.err = read(ctx, cfg, a.r.name, a.at, func(kvs []*mvccpb.KeyValue) {
		for _, kv := range kvs {
			key, ok := below(cfg.Root, kv.Key)
			if !ok {
				continue
			}
			short := indexKey(key)
			if had, ok := compare.find(short); !ok || had != entryOf(kv) {
				a.difference(short)
			}
		}
	})
	if a.err != nil {
		return
	}
	for _, short := range compare.ghosts() {
		a.difference(short)
	}
}

// difference notes a key that differs, unless another range has shown a newer
// state of it.
func (a *audit) difference(short string) {
	for _, rng := range a.ahead {
		if covers(rng, short) {
			return
		}
	}
	a.differs++
	if len(a.example) < maxExamples {
		a.example = append(a.example, short)
	}
}

// audits runs one audit at a time: round by round, in each of them every range
// of the stream. All but an audit's read belongs to the loop.
type audits struct {
	cfg     *Config
	results chan *audit
	startAt time.Time // when the next audit, or round, starts; zero while one runs
	running *audit
	left    []*Range // of the round
	started time.Time
	differs int // in the round
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	ended time.Time     // the last round
	took  time.Duration // it
}

func newAudits(cfg *Config) *audits {
	return &audits{cfg: cfg, results: make(chan *audit), cancel: func() {}}
}

// jittered returns a time that is up to a fifth less than d.
func jittered(d time.Duration) time.Duration { return d - rand.N(d/5) }

// soon returns when after a reconnect a round starts.
func (a *audits) soon() time.Duration {
	rest := time.Until(a.ended.Add(auditShare * a.took))
	return rand.N(auditSoon) + min(max(rest, 0), auditLimit)
}

// schedule has a round start after a time, as that of a stream that was opened.
func (a *audits) schedule(after time.Duration) {
	a.stop()
	a.startAt = time.Now().Add(after)
}

// hasten has a round start as after a reconnect. It reports false where one is
// under way, which may have read before.
func (a *audits) hasten() bool {
	if a.running != nil || len(a.left) > 0 {
		return false
	}
	a.startAt = time.Now().Add(a.soon())
	return true
}

// start starts the next audit of a round, or a round of ranges.
func (a *audits) start(ctx context.Context, now time.Time, ranges map[int64]*Range, v views) {
	a.startAt = time.Time{}
	if len(a.left) == 0 {
		a.started, a.differs = now, 0
		for _, r := range ranges {
			if r.phase == watching && !v.of(r.view).compared(r) {
				a.left = append(a.left, r)
			}
		}
	}
	after := jittered(auditEvery) // nothing to audit
	for len(a.left) > 0 {
		r := a.left[0]
		a.left = a.left[1:]
		switch r.phase {
		case watching:
			a.run(ctx, r, v.of(r.view))
			return
		case dropped:
			after = 0 // what it covers was left to it: another round
		}
	}
	a.startAt = now.Add(after)
}

func (a *audits) run(ctx context.Context, r *Range, c *contents) {
	one := &audit{r: r, at: r.confirmed, index: c.index.Copy(), ahead: c.ahead(r, r.confirmed)}
	ctx, a.cancel = context.WithCancel(ctx)
	a.running = one
	a.wg.Go(func() {
		one.read(ctx, a.cfg)
		select {
		case a.results <- one:
		case <-ctx.Done():
		}
	})
}

// done handles the end of an audit.
func (a *audits) done(one *audit) {
	a.cancel()
	a.running = nil
	switch {
	case one.r.phase == dropped: // what it covers was left to it: start finds out
		a.left = append(a.left, one.r)
		a.startAt = time.Now()
		return
	case one.err != nil: // retried after the others
		a.left = append(a.left, one.r)
		a.startAt = time.Now().Add(auditRetry)
		return
	}
	a.differs += one.differs
	a.startAt = time.Now() // the next range
	if len(a.left) > 0 {
		return
	}
	a.ended, a.took = time.Now(), time.Since(a.started)
	a.startAt = time.Now().Add(jittered(auditEvery))
	a.cfg.Observer.Audited(a.differs, a.took)
}

// stop ends a round.
func (a *audits) stop() {
	a.cancel()
	a.running, a.left, a.startAt = nil, nil, time.Time{}
}
