package writer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestWhyThereIsNoContact: every error of an etcd that can't be reached, and
// the log, says what connecting has met.
func TestWhyThereIsNoContact(t *testing.T) {
	t.Parallel()
	const why = "tls: failed to verify certificate"
	for name, limit := range map[string]time.Duration{"before a request timed out": opTimeout / 2, "after": 2 * opTimeout} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Set(func(f *faulty.Faults) { f.State, f.LastError = faulty.Hung, errors.New(why) })
				w.register(t, orders("a"))
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				waited := w.client.Wait(ctx)
				if !errors.Is(waited, context.DeadlineExceeded) {
					t.Errorf("Wait: %v", waited)
				}
				time.Sleep(2 * opTimeout)
				for name, err := range map[string]error{"Wait": waited, "Status": statusOf(w.client, "a").Err} {
					if !errors.Is(err, registrar.ErrUnavailable) || strings.Count(err.Error(), why) != 1 {
						t.Errorf("%s: %v, want ErrUnavailable and why", name, err)
					}
				}
				if n := w.log.count(why); n == 0 {
					t.Errorf("the log doesn't say why:\n%s", &w.log.Builder)
				}
			})
		})
	}
}

func TestCloseSaysWhyThereIsNoContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		w.Set(func(f *faulty.Faults) { f.State, f.LastError = faulty.Hung, errors.New("connection refused") })
		if err := w.client.Close(); !errors.Is(err, registrar.ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("Close: %v, want why", err)
		}
	})
}

// TestTimeOutIsNotUnavailable: an etcd that has answered is there; what ran out
// is the caller's time.
func TestTimeOutIsNotUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("b"))
		w.SetState(faulty.Hung)
		go func() { _ = w.client.Register(t.Context(), orders("c")) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := w.client.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("Wait: %v, want context.DeadlineExceeded and not ErrUnavailable", err)
		}
	})
}

// partial is an etcd that gives no answer to the first so many transactions after a delay, and
// to the others one after twice that.
type partial struct {
	Backend
	unanswered atomic.Int64
	delay      time.Duration
}

func (p *partial) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	time.Sleep(p.delay)
	if p.unanswered.Add(-1) >= 0 {
		return nil, rpctypes.ErrNoLeader
	}
	time.Sleep(p.delay)
	return p.Backend.Txn(ctx, r)
}

// TestSomeAnswered: of transactions under way at once one is not answered, and others are a
// moment later. Contact is then lost until the next one is answered, rather than for a moment.
func TestSomeAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const delay = time.Millisecond
		p := &partial{delay: delay}
		w := newWorld(t, func(cfg *Config) { p.Backend, cfg.Backend = cfg.Backend, p })
		w.register(t, orders("first"))
		p.unanswered.Store(1)
		w.register(t, orders(numbered(inFlight*maxOperations)...))
		const lost, back = "registrar: no contact", "registrar: back in contact"
		time.Sleep(3 * delay) // all are answered, and nothing is tried again yet
		if n, m := w.log.count(lost), w.log.count(back); n != 1 || m != 0 {
			t.Errorf("lost %d times and back %d times, want once and not yet", n, m)
		}
		if time.Sleep(round); w.log.count(lost) != 1 || w.log.count(back) != 1 {
			t.Errorf("not lost once and back once:\n%s", &w.log.Builder)
		}
		if time.Sleep(maxSpread); w.Len() != 1+inFlight*maxOperations {
			t.Errorf("%d instances are registered", w.Len())
		}
	})
}

// TestKeepaliveBeforeContactWasLost: a keepalive that was answered while a transaction was
// under way is no news once that was given up.
func TestKeepaliveBeforeContactWasLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		for renewals := w.Counts().Renewals; w.Counts().Renewals == renewals; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(ttl/3 - opTimeout/2) // the next one is soon
		w.Set(func(f *faulty.Faults) { f.LoseAnswers = true })
		renewals := w.Counts().Renewals
		w.register(t, orders("b"))
		time.Sleep(opTimeout - writeWait + time.Millisecond)
		if w.Counts().Renewals == renewals {
			t.Error("no keepalive was answered meanwhile")
		}
		const lost, back = "registrar: no contact", "registrar: back in contact"
		if n, m := w.log.count(lost), w.log.count(back); n != 1 || m != 0 {
			t.Errorf("lost %d times and back %d times, want once and not yet", n, m)
		}
	})
}

// TestBackWithNothingToSend: etcd carries out a write that has timed out, before the next try.
// Nothing is left to send then, and there is no lease to renew. Contact is found all the same,
// by a user, too, who may read no more than the service; after that nothing is asked.
func TestBackWithNothingToSend(t *testing.T) {
	t.Parallel()
	for name, denied := range map[string]func(key string) bool{
		"any user":       nil,
		"of one service": func(key string) bool { return key == root },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Set(func(f *faulty.Faults) { f.Denied = denied })
				w.register(t, weighted(1))
				synctest.Wait() // its key is followed
				puts := w.unanswered(func() {
					w.register(t, weighted(2))
					time.Sleep(opTimeout - writeWait + time.Millisecond)
				})
				wantState(t, w.client, "a", registrar.StatePending, registrar.ErrUnavailable)
				w.carryOut(t, puts[0])
				synctest.Wait()
				wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrUnavailable)
				time.Sleep(round)
				wantState(t, w.client, "a", registrar.StateRegistered, nil)
				if n := w.log.count("registrar: back in contact"); n != 1 {
					t.Errorf("back %d times, want once:\n%s", n, &w.log.Builder)
				}
				before := w.Counts().Txns
				if time.Sleep(time.Minute); w.Counts().Txns != before {
					t.Errorf("%d transactions in contact, with nothing to send", w.Counts().Txns-before)
				}
			})
		})
	}
}
