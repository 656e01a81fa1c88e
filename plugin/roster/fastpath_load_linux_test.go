package roster

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// load asks all the time, each question once.
type load struct {
	cancel  context.CancelFunc
	clients sync.WaitGroup
	mu      sync.Mutex
	changed *sync.Cond
	answers int
	lost    []string
}

// startLoad starts clients that ask what is answered on the fast path and what is
// not.
func startLoad(t *testing.T, address string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel}
	l.changed = sync.NewCond(&l.mu)
	for _, question := range []string{"orders.default.svc.internal. A", "_http._tcp.orders.default.svc.internal. SRV", "svc.internal. SOA", "a.example.org. A"} {
		l.clients.Go(func() {
			for ctx.Err() == nil {
				c := dns.Client{Timeout: deadline / 4}
				got, _, err := c.Exchange(query(question), address)
				l.mu.Lock()
				l.answers++
				if err != nil || len(got.Answer) == 0 {
					l.lost = append(l.lost, fmt.Sprintf("%s: %v, error %v", question, got, err))
				}
				l.changed.Broadcast()
				l.mu.Unlock()
			}
		})
	}
	t.Cleanup(l.clients.Wait)
	t.Cleanup(cancel)
	return l
}

// await waits for more answers.
func (l *load) await(t *testing.T, more int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for end := l.answers + more; l.answers < end; {
		l.changed.Wait()
	}
}

func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.clients.Wait()
	for _, lost := range l.lost {
		t.Error(lost)
	}
	t.Logf("%d answers", l.answers)
}
