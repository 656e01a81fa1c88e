// Package faulty is an etcd in memory that can be cut off, hung, and made to
// refuse, for tests.
package faulty

import (
	"context"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/memkv"
)

// State says what becomes of requests.
type State uint8

const (
	// Up answers.
	Up State = iota
	// Hung never answers, and says nothing on streams.
	Hung
	// Down fails at once, and says nothing on streams.
	Down
)

// Faults is what is wrong with an Etcd. The zero value is nothing.
type Faults struct {
	State State
	// Fail is the error of each request, if set.
	Fail error
	// Denied says which keys and ranges the user may not read or write, if set.
	Denied func(key string) bool
	// NoSpace refuses puts and leases.
	NoSpace bool
	// LoseAnswers carries transactions out and never answers them.
	LoseAnswers bool
	// Record remembers transactions that are not answered, for Unanswered.
	Record bool
	// HangLists has lists hang after their first page.
	HangLists bool
	// Delay is how long each request takes.
	Delay time.Duration
	// LastError is what LastError returns.
	LastError error
}

// Counts is what an Etcd was asked.
type Counts struct {
	Grants    int
	Txns      int      // that were answered
	Largest   int      // operations of the largest of these
	Failed    int      // requests that failed by Faults.Fail
	Renewals  int      // keepalives that were answered
	Streams   int      // of keepalives, that were opened
	Open      int      // of these, that have not ended
	Requests  int      // of any kind, that came through
	Lists     []string // ranges
	Watches   []string // ranges
	Progress  int      // requests for progress
	LeaseKeys int      // requests for the keys of a lease
}

// Etcd is a store with faults. It implements mirror.Source and what the
// registrar's writer needs besides. Methods of the store itself, such as Put and
// Get, are the test's own and never fail.
type Etcd struct {
	*memkv.Store

	mu         sync.Mutex
	faults     Faults
	counts     Counts
	unanswered []*pb.TxnRequest
	changed    chan struct{} // closed, and replaced, with each change of faults
	broken     chan struct{} // closed, and replaced, when streams break
	called     func(kind string)
}

// New returns an Etcd without faults.
func New() *Etcd {
	return &Etcd{Store: memkv.New(), changed: make(chan struct{}), broken: make(chan struct{})}
}

// Set changes the faults.
func (e *Etcd) Set(change func(f *Faults)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.faults)
	close(e.changed)
	e.changed = make(chan struct{})
}

// SetState changes the state.
func (e *Etcd) SetState(state State) { e.Set(func(f *Faults) { f.State = state }) }

// Counts returns what was asked until now.
func (e *Etcd) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.counts
	c.Lists, c.Watches = slices.Clone(c.Lists), slices.Clone(c.Watches)
	return c
}

// OnRequest has fn called with the kind of each request that comes through, which
// is the name of its method; nil ends that.
func (e *Etcd) OnRequest(fn func(kind string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.called = fn
}

// Unanswered returns the transactions that were not answered while Faults.Record was
// set, in order, and forgets them.
func (e *Etcd) Unanswered() []*pb.TxnRequest {
	e.mu.Lock()
	defer e.mu.Unlock()
	recorded := e.unanswered
	e.unanswered = nil
	return recorded
}

// BreakStreams ends all streams that are open: watches and keepalives.
func (e *Etcd) BreakStreams() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.broken)
	e.broken = make(chan struct{})
}

// Breaking returns a channel that is closed with the next BreakStreams.
func (e *Etcd) breaking() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.broken
}

// count changes the counts.
func (e *Etcd) count(change func(c *Counts)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.counts)
}

// up returns once the state is Up, with the faults, or false when done is closed
// or the state is Down.
func (e *Etcd) up(done <-chan struct{}, waitWhileDown bool) (Faults, bool) {
	for {
		e.mu.Lock()
		f, changed := e.faults, e.changed
		e.mu.Unlock()
		if f.State == Up || f.State == Down && !waitWhileDown {
			return f, f.State == Up
		}
		select {
		case <-changed:
		case <-done:
			return f, false
		}
	}
}

// reach returns once a request gets through, with the faults, or why it doesn't.
func (e *Etcd) reach(ctx context.Context, kind string) (Faults, error) {
	f, ok := e.up(ctx.Done(), false)
	switch {
	case ctx.Err() != nil:
		return f, ctx.Err()
	case !ok:
		return f, rpctypes.ErrNoLeader
	case f.Fail != nil:
		e.count(func(c *Counts) { c.Failed++ })
		return f, f.Fail
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return f, ctx.Err()
		}
	}
	e.mu.Lock()
	e.counts.Requests++
	called := e.called
	e.mu.Unlock()
	if called != nil {
		called(kind)
	}
	return f, nil
}

func (f *Faults) denies(key string) bool { return f.Denied != nil && f.Denied(key) }
