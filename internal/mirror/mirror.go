package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// Timing of a mirror. Together they keep "stale" within ten seconds of the last
// contact, and "live" within two of its return.
const (
	// FreshFor is how long after the last contact a copy still counts as live:
	// two progress requests and their answers, and the time of an election
	// (etcd's default election timeout is 1 s).
	FreshFor = 6 * time.Second
	// progressEvery is how often an idle watch is asked how far it is.
	progressEvery = 2 * time.Second
	// probeTimeout bounds a probe: less than progressEvery, so that one that
	// hangs makes room for the next.
	probeTimeout = 1500 * time.Millisecond
	// watchSilence is how long a watch can be silent in spite of progress
	// requests, and of probes that show something newer or nothing, before it is
	// given up for another.
	watchSilence = 8 * time.Second
	// pageTimeout is how long a list can wait for its next page. Pages of
	// 100,000 keys were seen to take 3 s of a busy server.
	pageTimeout = 15 * time.Second
	// retryBase and retryLimit bound the pause before the next try.
	retryBase  = 100 * time.Millisecond
	retryLimit = 2 * time.Second
	// listSpread is by how much more, at random, a list waits that follows what
	// can have happened to many mirrors at once, such as a compaction or a
	// restore: a thousand lists at the same time would be the next outage.
	listSpread = time.Second
)

// Config says what a mirror copies, and to where.
type Config struct {
	// Source is the etcd to read.
	Source Source
	// Root is what View doesn't want to see of a key: the registry's prefix
	// with its '/'.
	Root string
	// Prefix is what the mirrored keys start with. It starts with Root and
	// ends in '/'.
	Prefix string
	// View takes the contents.
	View View
	// Observer is told of events; nil is Unobserved.
	Observer Observer
	// Log gets a line when contact is lost and when it is back.
	Log *slog.Logger
}

// Mirror keeps a View equal to the keys of an etcd prefix. Its methods are safe
// for concurrent use.
type Mirror struct {
	cfg    Config
	synced chan struct{} // closed after a list or Restore
	met    chan struct{} // closed after a list

	mu     sync.Mutex // orders changes of status
	status atomic.Pointer[Status]
	stale  *time.Timer // fires FreshFor after the last contact
	warned Reason      // the last one that was logged before the first list

	// Of Run's goroutine:
	index      index // what View was told
	pause      *backoff.Backoff
	complete   int64  // the last revision at which index is known to equal etcd: the status's, or a probe's
	listed     bool   // the View is complete up to the status's revision: a watch can go on from there
	lasting    bool   // the last watch worked, so that its end is no failed try
	resumedFor Reason // why the watch was opened, until it works
	auditing   *audit // nil while none is running
	audited    time.Time
	auditTook  time.Duration
}

// New returns a mirror, which does nothing until Run.
func New(cfg Config) *Mirror {
	if cfg.Observer == nil {
		cfg.Observer = Unobserved{}
	}
	m := &Mirror{cfg: cfg, synced: make(chan struct{}), met: make(chan struct{}), index: index{}, pause: backoff.New(retryBase, retryLimit)}
	m.status.Store(&Status{State: Unsynced})
	return m
}

// Synced is closed when there is something to answer from: the first list is
// complete, or Restore was called.
func (m *Mirror) Synced() <-chan struct{} { return m.synced }

// Met is closed when the first list is complete.
func (m *Mirror) Met() <-chan struct{} { return m.met }

// Status returns the mirror's state: one atomic load.
func (m *Mirror) Status() Status { return *m.status.Load() }

// Run mirrors until ctx is done. It retries whatever fails, for ever. It is
// called once.
func (m *Mirror) Run(ctx context.Context) {
	defer m.stopTimer()
	reason := ReasonStart
	for {
		failure := m.follow(ctx, reason)
		if ctx.Err() != nil {
			return
		}
		reason = failure.reason
		// A watch that worked is resumed. One that never did tells nothing of
		// what happens meanwhile, as lists do.
		m.listed = m.listed && m.lasting && !failure.mustList()
		m.failed(failure)
		if m.lasting {
			m.pause.Reset()
			m.lasting = false
		}
		pause := m.pause.Next()
		if failure.mustList() && failure.reason != ReasonAudit { // audits are apart already, and have taken their time
			pause += rand.N(listSpread)
		}
		if backoff.Sleep(ctx, pause) != nil {
			return
		}
	}
}

// contact notes that etcd was heard of and the copy is complete up to head's
// revision, which is behind etcd's while a watch catches up.
func (m *Mirror) contact(head Head) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.status.Load()
	now := Status{State: Live, Revision: head.Revision, Cluster: head.Cluster, Contact: time.Now(), Keys: len(m.index)}
	if now.Cluster == 0 {
		now.Cluster = old.Cluster
	}
	m.status.Store(&now)
	m.complete = now.Revision
	if m.stale == nil {
		m.stale = time.AfterFunc(FreshFor, m.expire)
	} else {
		m.stale.Reset(FreshFor)
	}
	if old.State == Live {
		return
	}
	if old.State == Unsynced {
		close(m.synced)
	}
	if !m.hasMet() {
		close(m.met)
		if m.warned != "" || old.State == Stale { // a snapshot is answered from no more
			m.cfg.Log.Info("etcd can be read now", "prefix", m.cfg.Prefix, "revision", head.Revision, "keys", now.Keys)
		}
	} else {
		m.cfg.Log.Info("back in contact with etcd", "prefix", m.cfg.Prefix, "revision", head.Revision,
			"away", now.Contact.Sub(old.Contact).Round(time.Millisecond).String())
	}
	m.cfg.Observer.StateChanged(now)
}

// expire makes the mirror stale unless there was contact meanwhile.
func (m *Mirror) expire() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := *m.status.Load()
	if now.State != Live || time.Since(now.Contact) < FreshFor {
		return
	}
	now.State = Stale
	m.status.Store(&now)
	err := now.Err
	if err == nil {
		err = m.explain(errSilent)
	}
	m.cfg.Log.Warn("no contact with etcd: the mirror is stale and goes on answering",
		"prefix", m.cfg.Prefix, "revision", now.Revision, "error", err)
	m.cfg.Observer.StateChanged(now)
}

func (m *Mirror) failed(f failure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := *m.status.Load()
	now.Err = f.err
	m.status.Store(&now)
	if !m.hasMet() && f.reason != m.warned {
		m.warned = f.reason
		m.cfg.Log.Warn("etcd can't be read yet: trying again for as long as it takes",
			"prefix", m.cfg.Prefix, "reason", string(f.reason), "error", f.err)
	} else {
		m.cfg.Log.Debug("mirroring broke off", "prefix", m.cfg.Prefix, "reason", string(f.reason), "error", f.err)
	}
	m.cfg.Observer.Failed(f.reason, f.err)
}

// hasMet reports whether a list was complete.
func (m *Mirror) hasMet() bool {
	select {
	case <-m.met:
		return true
	default:
		return false
	}
}

// explain adds to an error what the source knows of its connection.
func (m *Mirror) explain(err error) error {
	if why := m.cfg.Source.Trouble(); why != nil && !errors.Is(err, why) {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}

func (m *Mirror) stopTimer() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stale != nil {
		m.stale.Stop()
	}
}
