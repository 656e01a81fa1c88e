package etcd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

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
				w.with(func() { w.state, w.why = fakeHung, errors.New(why) })
				w.register(t, orders("a"))
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				waited := w.client.Wait(ctx)
				if !errors.Is(waited, context.DeadlineExceeded) {
					t.Errorf("Wait: %v", waited)
				}
				short, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, listed := w.client.List(short, "")
				_, got := w.client.GetService(t.Context(), "orders")
				hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				_, gotHastily := w.client.GetService(hasty, "others")
				time.Sleep(2 * opTimeout)
				for name, err := range map[string]error{
					"Wait": waited, "List": listed, "GetService": got, "GetService in haste": gotHastily,
					"Status": statusOf(w.client, "a").Err, "Close": w.client.Close(),
				} {
					if name == "Close" && err == nil {
						continue // nothing was written
					}
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
		w.with(func() { w.state, w.why = fakeHung, errors.New("connection refused") })
		if err := w.client.Close(); !errors.Is(err, registrar.ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("Close: %v, want why", err)
		}
	})
}

// TestTimeOutIsNotUnavailable: an etcd that answers others, or has begun to, is
// there; what ran out is the caller's time.
func TestTimeOutIsNotUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		only := func(what string, err, want error) {
			t.Helper()
			if !errors.Is(err, want) || errors.Is(err, registrar.ErrUnavailable) {
				t.Errorf("%s: %v, want %v and not ErrUnavailable", what, err, want)
			}
		}
		// A list that takes longer than its caller has.
		w.source.paging = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		brief := func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		}
		_, err := w.client.List(brief(), "")
		only("List", err, context.DeadlineExceeded)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, err = w.client.List(ctx, "")
		only("List that is canceled", err, context.Canceled)
		w.source.paging = nil

		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		w.set(fakeHung)
		_, err = w.client.GetService(brief(), "others")
		only("GetService", err, context.DeadlineExceeded)
		_, err = w.client.List(brief(), "")
		only("List beside a mirror", err, context.DeadlineExceeded)
		w.set(fakeUp)
		w.register(t, orders("b"))
		w.set(fakeHung)
		go func() { _ = w.client.Register(t.Context(), orders("c")) }()
		synctest.Wait()
		only("Wait", w.client.Wait(brief()), context.DeadlineExceeded)
		// Nobody has answered for long: it is away.
		time.Sleep(time.Minute)
		if _, err := w.client.List(brief(), ""); !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("List: %v, want ErrUnavailable and DeadlineExceeded", err)
		}
	})
}

func TestListTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.with(func() { w.fail = rpctypes.ErrNoLeader })
		time.AfterFunc(25*time.Second, func() { w.with(func() { w.fail = nil }) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // beyond listTimeout
		defer cancel()
		if names, err := w.client.List(ctx, "default"); err != nil || len(names) != 1 {
			t.Errorf("List: %q, %v", names, err)
		}
		w.with(func() { w.fail = rpctypes.ErrNoLeader })
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := w.client.List(short, "default")
		if took := time.Since(start); took != 5*time.Second || !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, rpctypes.ErrNoLeader) {
			t.Errorf("List: %v after %v", err, took)
		}
		if n := peek(w, func() int { return w.failed }); n > 60 {
			t.Errorf("%d tries in 30 s", n)
		}
		w.with(func() { w.fail = rpctypes.ErrAuthFailed })
		start = time.Now()
		if _, err := w.client.List(ctx, "default"); !errors.Is(err, registrar.ErrPermission) || time.Since(start) != 0 {
			t.Errorf("List: %v after %v, want ErrPermission at once", err, time.Since(start))
		}
	})
}
