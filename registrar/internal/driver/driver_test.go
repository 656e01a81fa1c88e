package driver

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

const (
	// waits is how long Register and the first GetService wait at most.
	waits = time.Second
	// timesOut is longer than a request to etcd takes to time out.
	timesOut = 4 * time.Second
)

// TestOpenIsIdle: who opens a client and asks nothing of it causes no request.
func TestOpenIsIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		time.Sleep(time.Hour)
		if c := w.Counts(); c.Requests != 0 || c.Progress != 0 {
			t.Errorf("%d requests, and %d for progress", c.Requests, c.Progress)
		}
		w.SetState(faulty.Hung)
		start := time.Now()
		if err := w.client.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
	})
}

// TestWhyThereIsNoContact: every error of an etcd that can't be reached, and
// the log, says what connecting has met.
func TestWhyThereIsNoContact(t *testing.T) {
	t.Parallel()
	const why = "tls: failed to verify certificate"
	for name, limit := range map[string]time.Duration{"before a request timed out": timesOut / 2, "after": 2 * timesOut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Set(func(f *faulty.Faults) { f.State, f.LastError = faulty.Hung, errors.New(why) })
				w.register(t, orders("a"))
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				waited := w.client.Wait(ctx)
				wantErr(t, "Wait", waited, context.DeadlineExceeded)
				short, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, listed := w.client.List(short, "")
				_, got := w.client.GetService(t.Context(), "orders")
				hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				_, gotHastily := w.client.GetService(hasty, "others")
				time.Sleep(2 * timesOut)
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
		brief := func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		}
		// A list that takes longer than its caller has.
		w.Set(func(f *faulty.Faults) { f.HangLists = true })
		_, err := w.client.List(brief(), "")
		only("List", err, context.DeadlineExceeded)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, err = w.client.List(ctx, "")
		only("List that is canceled", err, context.Canceled)
		w.Set(func(f *faulty.Faults) { f.HangLists = false })

		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the service is watched
		w.SetState(faulty.Hung)
		_, err = w.client.GetService(brief(), "others")
		only("GetService", err, context.DeadlineExceeded)
		_, err = w.client.List(brief(), "")
		only("List beside a replica", err, context.DeadlineExceeded)
		// Nobody has answered for long: it is away.
		time.Sleep(time.Minute)
		_, err = w.client.List(brief(), "")
		wantErr(t, "List", err, registrar.ErrUnavailable, context.DeadlineExceeded)
	})
}

func TestListTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fail := func(err error) { w.Set(func(f *faulty.Faults) { f.Fail = err }) }
		w.write("default/orders/a", value)
		fail(rpctypes.ErrNoLeader)
		time.AfterFunc(25*time.Second, func() { fail(nil) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // beyond what List takes by itself
		defer cancel()
		if names, err := w.client.List(ctx, "default"); err != nil || len(names) != 1 {
			t.Errorf("List: %q, %v", names, err)
		}
		fail(rpctypes.ErrNoLeader)
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := w.client.List(short, "default")
		wantErr(t, "List", err, registrar.ErrUnavailable, context.DeadlineExceeded, rpctypes.ErrNoLeader)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("List took %v", took)
		}
		if n := w.Counts().Failed; n > 60 {
			t.Errorf("%d tries in 30 s", n)
		}
		fail(rpctypes.ErrAuthFailed)
		start = time.Now()
		if _, err := w.client.List(ctx, "default"); !errors.Is(err, registrar.ErrPermission) || time.Since(start) != 0 {
			t.Errorf("List: %v after %v, want ErrPermission at once", err, time.Since(start))
		}
	})
}

// TestCloseIsBounded: whatever is under way ends in two seconds, and a second
// Close says the same.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]faulty.State{"hung": faulty.Hung, "down": faulty.Down} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, orders("a"))
				if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
					t.Fatal(err)
				}
				w.SetState(state)
				registering, getting := make(chan error, 1), make(chan error, 1)
				go func() { registering <- w.client.Register(context.Background(), orders("b")) }()
				go func() {
					_, err := w.client.GetService(context.Background(), "others")
					getting <- err
				}()
				synctest.Wait()
				start := time.Now()
				err := w.client.Close()
				if took := time.Since(start); took > closeTimeout {
					t.Errorf("Close took %v", took)
				}
				wantErr(t, "Close of what is still there", err, registrar.ErrUnavailable)
				if err := <-registering; err != nil {
					t.Errorf("Register while closing: %v", err)
				}
				wantErr(t, "GetService while closing", <-getting, registrar.ErrClosed)
				if again := w.client.Close(); again == nil || again.Error() != err.Error() {
					t.Errorf("a second Close: %v", again)
				}
				time.Sleep(2 * registrar.DefaultLeaseTTL)
				if w.Len() != 0 {
					t.Error("the lease is kept alive after Close")
				}
			})
		})
	}
}

// TestCallersAreNeverHeldUp: by an etcd that gives no answer.
func TestCallersAreNeverHeldUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Hung)
		took := func(what string, want time.Duration, call func()) {
			t.Helper()
			start := time.Now()
			call()
			if d := time.Since(start); d != want {
				t.Errorf("%s took %v, want %v", what, d, want)
			}
		}
		took("the first Register", waits, func() { w.register(t, orders("a")) })
		took("the next", 0, func() { w.register(t, orders("b")) })
		took("Unregister", 0, func() { _ = w.client.Unregister(t.Context(), orders("c")) })
		get := func() { _, _ = w.client.GetService(t.Context(), "orders") }
		took("the first GetService", waits, get)
		took("the next", 0, get)
		w.SetState(faulty.Up)
		if err := w.client.Wait(t.Context()); err != nil || w.Len() != 2 {
			t.Errorf("Wait: %v, %d keys", err, w.Len())
		}
	})
}

// TestOwnInstancesAreFound: what Register has written is found by the same client,
// whose writer and reader share one stream of watches.
func TestOwnInstancesAreFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		s, err := w.client.GetService(t.Context(), "orders")
		if err != nil || len(s.Instances) != 1 {
			t.Fatalf("GetService: %+v, %v", s, err)
		}
		w.register(t, orders("b"))
		synctest.Wait()
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 2 {
			t.Errorf("GetService: %+v, %v", s, err)
		}
		w.Delete("/roster/default/orders/a")
		synctest.Wait()
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 2 {
			t.Errorf("GetService once what was deleted is put back: %+v, %v", s, err)
		}
		w.BreakStreams()
		time.Sleep(10 * time.Second)
		if c := w.Counts(); len(c.Watches) != 6 {
			t.Errorf("%q were watched, want three ranges twice", c.Watches)
		}
	})
}
