//go:build acceptance

package acceptance_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// queryStreams and queryPause make about 500 queries a second.
	queryStreams = 2
	queryPause   = 4 * time.Millisecond
)

// queries go on beside a test.
type queries struct {
	cancel context.CancelFunc
	group  errgroup.Group
	asked  atomic.Int64
	failed atomic.Pointer[error]
	start  time.Time
}

// startQueries asks for the one address of a name over and over.
func startQueries(t *testing.T, addr, name string) *queries {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	q := &queries{cancel: cancel, start: time.Now()}
	for range queryStreams {
		q.group.Go(func() error { return q.run(ctx, addr, name) })
	}
	t.Cleanup(func() {
		cancel()
		_ = q.group.Wait() // stop has reported it
	})
	return q
}

func (q *queries) run(ctx context.Context, addr, name string) error {
	tick := time.NewTicker(queryPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		question := harness.Question{Name: name, Type: dns.TypeA, Size: harness.DefaultSize}
		// The query that is under way at the end is finished.
		m, err := harness.Ask(context.WithoutCancel(ctx), addr, question)
		if err == nil && (m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1) {
			err = fmt.Errorf("answered %s", m)
		}
		if err != nil {
			q.failed.CompareAndSwap(nil, &err)
			return err
		}
		q.asked.Add(1)
	}
}

// await lets the queries go on until some time after start, and checks that none
// has failed by then.
func (q *queries) await(t *testing.T, start time.Time, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(time.Until(start.Add(d))):
	case <-t.Context().Done():
	}
	if err := q.failed.Load(); err != nil {
		t.Fatalf("after %d queries one failed: %v", q.asked.Load(), *err)
	}
}

// stop ends the queries, of which none may have failed.
func (q *queries) stop(t *testing.T) {
	t.Helper()
	q.cancel()
	if err := q.group.Wait(); err != nil {
		t.Errorf("after %d queries one failed: %v", q.asked.Load(), err)
	}
	t.Logf("%d queries in %v, none failed", q.asked.Load(), time.Since(q.start).Round(time.Second))
}
