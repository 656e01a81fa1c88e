package e2e_test

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

// streamPause is between two queries of one stream: four streams ask about a
// thousand times a second.
const streamPause = 4 * time.Millisecond

// streams are queries that go on beside a test.
type streams struct {
	cancel context.CancelFunc
	group  errgroup.Group
	asked  atomic.Int64
}

// startStreams asks for the instances of orders over and over, of which there
// has to be one at least in each answer.
func startStreams(t *testing.T, s *system, n int) *streams {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	st := &streams{cancel: cancel}
	addr := s.dns.Addr(t)
	for i := range n {
		st.group.Go(func() error { return st.run(ctx, addr, i%2 == 0) })
	}
	t.Cleanup(func() { _, _ = st.stop() })
	return st
}

func (st *streams) run(ctx context.Context, addr string, tcp bool) error {
	tick := time.NewTicker(streamPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		q := harness.Question{Name: srvName("orders"), Type: dns.TypeSRV, TCP: tcp, Size: harness.DefaultSize}
		// The query that is under way at the end is finished.
		m, err := harness.Ask(context.WithoutCancel(ctx), addr, q)
		if tcp && err != nil {
			// A server may close a connection at any time, and a client then asks
			// again (RFC 7766, 6.2.4).
			m, err = harness.Ask(context.WithoutCancel(ctx), addr, q)
		}
		if err != nil {
			return err
		}
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
			return fmt.Errorf("answered %s", m)
		}
		st.asked.Add(1)
	}
}

// wait waits until n more queries were answered.
func (st *streams) wait(t *testing.T, n int64) {
	t.Helper()
	want := st.asked.Load() + n
	harness.Eventually(t, harness.Patience, "more answers", func() error {
		if got := st.asked.Load(); got < want {
			return fmt.Errorf("%d of %d", got, want)
		}
		return nil
	})
}

// stop ends the streams, and returns how many queries were answered, and the
// first failure.
func (st *streams) stop() (int64, error) {
	st.cancel()
	err := st.group.Wait()
	return st.asked.Load(), err
}
