package mirror

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// When audits run.
const (
	// auditEvery is the time between audits of a watch that goes on, less up to
	// a fifth, so that many mirrors don't read at the same time.
	auditEvery = 5 * time.Minute
	// auditSoon is within what time of a reconnect an audit starts, at random to
	// keep apart mirrors that lost the same server: the etcd behind it can be one
	// that was restored, which no watch tells.
	auditSoon = 3 * time.Second
	// auditShare is how often the time that the last audit took has to pass
	// before the next, so that connections that break all the time don't make
	// etcd do nothing else; auditLate bounds that. The copy has to be that of a
	// restored etcd within ten seconds: what auditSoon and auditLate leave of
	// them is for the audit, a pause and a list, which takes as long.
	auditShare = 20
	auditLate  = 2 * time.Second
	// auditRetry is the pause after an audit that could not be completed.
	auditRetry = 5 * time.Second
)

// maxExamples is how many keys a log line names.
const maxExamples = 3

var errDiffers = errors.New("the copy differed from etcd though no gap was reported")

// audit compares the copy, as it was when the audit started, with etcd at the
// same revision, while the watch goes on. It belongs to Run's goroutine.
type audit struct {
	at      int64
	started time.Time
	keys    int // in the index when it started
	matched int // of these, found in etcd
	differs int
	// before is what the index had of the keys that have changed since; nil
	// where it had nothing.
	before   map[string]*entry
	examples []string
}

// found is a key as an audit reads it.
type found struct {
	key string // in the index
	entry
}

// audits runs one audit at a time beside a watch.
type audits struct {
	m       *Mirror
	timer   *time.Timer
	pages   chan []found
	results chan error
	running *audit
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// newAudits has the first audit start after a time.
func newAudits(m *Mirror, after time.Duration) *audits {
	return &audits{
		m: m, timer: time.NewTimer(after),
		pages: make(chan []found), results: make(chan error), cancel: func() {},
	}
}

// jittered returns a time that is up to a fifth less than d.
func jittered(d time.Duration) time.Duration { return d - rand.N(d/5) }

// soon returns when after a reconnect an audit starts.
func (m *Mirror) soon() time.Duration {
	rest := time.Until(m.audited.Add(auditShare * m.auditTook))
	return rand.N(auditSoon) + min(max(rest, 0), auditLate)
}

// hasten has an audit start as after a reconnect. It reports false where one is
// running, which may have read before.
func (a *audits) hasten() bool {
	if a.running != nil {
		return false
	}
	a.timer.Reset(a.m.soon())
	return true
}

// start starts an audit.
func (a *audits) start(ctx context.Context) {
	ctx, a.cancel = context.WithCancel(ctx)
	a.running = &audit{at: a.m.complete, started: time.Now(), keys: len(a.m.index), before: map[string]*entry{}}
	a.m.auditing = a.running
	at := a.running.at
	a.wg.Go(func() { a.read(ctx, at) })
}

// read reads etcd as it was at a revision and hands it over by pages.
func (a *audits) read(ctx context.Context, at int64) {
	head, err := a.m.read(ctx, at, func(kvs []*mvccpb.KeyValue) error {
		page := make([]found, 0, len(kvs))
		for _, kv := range kvs {
			if key, ok := a.m.relative(kv.Key); ok {
				page = append(page, found{indexKey(key), entryOf(kv)})
			}
		}
		select {
		case a.pages <- page:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err == nil && otherCluster(a.m.Status().Cluster, head.Cluster) {
		err = errRegressed
	}
	select {
	case a.results <- err:
	case <-ctx.Done():
	}
}

// done takes the end of an audit.
func (a *audits) done(err error) failure {
	run := a.running
	a.end()
	a.timer.Reset(jittered(auditEvery))
	switch {
	case errors.Is(err, rpctypes.ErrFutureRev), errors.Is(err, errRegressed):
		return failure{ReasonRegressed, fmt.Errorf("auditing %q: %w", a.m.cfg.Prefix, errRegressed)}
	case err != nil:
		a.m.cfg.Log.Debug("an audit could not be completed", "prefix", a.m.cfg.Prefix, "error", err)
		a.m.cfg.Observer.AuditFailed(err)
		a.timer.Reset(jittered(auditRetry))
		return failure{}
	}
	run.differs += run.keys - run.matched // ghosts
	a.m.audited, a.m.auditTook = time.Now(), time.Since(run.started)
	a.m.cfg.Observer.Audited(run.differs, a.m.auditTook)
	if run.differs == 0 {
		return failure{}
	}
	a.m.cfg.Log.Warn("an audit has found differences from etcd that no watch reported: listing anew",
		"prefix", a.m.cfg.Prefix, "revision", run.at, "differences", run.differs, "examples", run.examples)
	return failure{ReasonAudit, fmt.Errorf("auditing %q: %w", a.m.cfg.Prefix, errDiffers)}
}

// end forgets the audit that is running, if one is.
func (a *audits) end() {
	a.cancel()
	a.running, a.m.auditing = nil, nil
}

// stop ends all audits and waits for their goroutine.
func (a *audits) stop() {
	a.timer.Stop()
	a.end()
	a.wg.Wait()
}

// compare takes a page of what etcd had.
func (a *audit) compare(m *Mirror, page []found) {
	for _, f := range page {
		had, ok := m.index[f.key]
		if old, changed := a.before[f.key]; changed {
			if ok = old != nil; ok {
				had = *old
			}
		}
		if ok {
			a.matched++
		}
		if !ok || had != f.entry {
			a.differs++
			if len(a.examples) < maxExamples {
				a.examples = append(a.examples, f.key)
			}
		}
	}
}

// changing is called before the index changes at a key.
func (a *audit) changing(m *Mirror, key string) {
	if a == nil {
		return
	}
	if _, noted := a.before[key]; noted {
		return
	}
	var old *entry
	if had, ok := m.index[key]; ok {
		old = &had
	}
	a.before[key] = old
}
