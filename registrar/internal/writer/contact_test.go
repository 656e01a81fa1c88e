package writer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
