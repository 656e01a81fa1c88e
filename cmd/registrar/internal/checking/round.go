package checking

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

const (
	// retryBase and retryLimit bound the pause after a write that etcd gave no answer to.
	retryBase  = 500 * time.Millisecond
	retryLimit = 10 * time.Second
)

// Round checks the static instances of a service. It is used once.
type Round struct {
	// IDs are the instances to check; none means all.
	IDs []string
	// Checker returns what checks an instance.
	Checker func(*registrar.Instance) (*health.Checker, error)
	// Set is that of a Store.
	Set func(ctx context.Context, id string, status catalog.Status) (bool, error)
	// Changed is called when the status of an instance was written.
	Changed func(id string, r health.Result)
	// Failed is called when an instance can't be checked, or its status not be written; it
	// is tried again.
	Failed func(id string, err error)

	checks   map[string]*check
	found    chan finding
	checkers sync.WaitGroup
	retry    *time.Timer
	pause    *backoff.Backoff
}

// check is an instance that is checked.
type check struct {
	in     registrar.Instance // as it was seen last
	stop   context.CancelFunc
	result health.Result // its Status is "" until it is known
	dirty  bool          // the status in etcd may be another one
	failed bool          // which was said
}

// finding is a result that a checker reports.
type finding struct {
	of     *check
	result health.Result
}

// Run checks instances until ctx is done. The sets are those of Watch for all instances of
// the service, whatever their status, with the same ctx.
func (r *Round) Run(ctx context.Context, sets iter.Seq2[*registrar.Service, error]) {
	r.checks, r.found = map[string]*check{}, make(chan finding)
	r.retry, r.pause = time.NewTimer(0), backoff.New(retryBase, retryLimit)
	r.retry.Stop()
	defer r.retry.Stop()
	defer r.checkers.Wait()
	seen := make(chan *registrar.Service)
	r.checkers.Go(func() {
		for s, err := range sets {
			if err != nil {
				continue // what was seen last is the best that is known
			}
			select {
			case seen <- s:
			case <-ctx.Done():
			}
		}
	})
	for {
		select {
		case s := <-seen:
			r.update(ctx, s)
		case f := <-r.found:
			f.of.result, f.of.dirty = f.result, true
		case <-r.retry.C:
		case <-ctx.Done():
			return
		}
		r.write(ctx)
	}
}

// update begins and ends checks as instances come, change and go.
func (r *Round) update(ctx context.Context, s *registrar.Service) {
	gone := map[string]bool{}
	for id := range r.checks {
		gone[id] = true
	}
	for i := range s.Instances {
		in := &s.Instances[i]
		if !in.Static || len(r.IDs) > 0 && !slices.Contains(r.IDs, in.ID) {
			continue
		}
		delete(gone, in.ID)
		c := r.checks[in.ID]
		switch {
		case c != nil && sameButStatus(&c.in, in):
			c.dirty = c.dirty || c.in.Status != in.Status // which somebody else may have written
			c.in = *in
		default:
			r.end(in.ID)
			r.begin(ctx, in)
		}
	}
	for id := range gone {
		r.end(id)
	}
}

// sameButStatus reports whether an instance has only changed its status, if anything.
func sameButStatus(a, b *registrar.Instance) bool {
	before := *a
	before.Status = b.Status
	return before.Equal(b)
}

// begin begins to check an instance.
func (r *Round) begin(ctx context.Context, in *registrar.Instance) {
	c := &check{in: *in}
	ctx, c.stop = context.WithCancel(ctx)
	r.checks[in.ID] = c
	checker, err := r.Checker(in)
	if err != nil {
		r.Failed(in.ID, err)
		return
	}
	if in.Up() {
		checker.Initial, c.result.Status = catalog.StatusUp, catalog.StatusUp
	}
	r.checkers.Go(func() {
		checker.Run(ctx, func(result health.Result) {
			select {
			case r.found <- finding{c, result}:
			case <-ctx.Done():
			}
		})
	})
}

// end ends the check of an instance, if there is one.
func (r *Round) end(id string) {
	if c := r.checks[id]; c != nil {
		c.stop()
		delete(r.checks, id)
	}
}

// write writes the statuses that may not be in etcd.
func (r *Round) write(ctx context.Context) {
	failed := false
	for id, c := range r.checks {
		if !c.dirty || c.result.Status == "" {
			continue
		}
		written, err := r.Set(ctx, id, c.result.Status)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed = true
			if !c.failed {
				r.Failed(id, err)
			}
		case written:
			r.Changed(id, c.result)
		}
		if c.dirty, c.failed = err != nil, err != nil; err == nil {
			c.in.Status = c.result.Status // which others' changes can hide from Watch
		}
	}
	if failed {
		r.retry.Reset(r.pause.Next())
	} else {
		r.pause.Reset()
	}
}
