package etcd

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/snapshot"
	"github.com/rosterdns/roster/registrar"
)

// readerOf returns the reading side of a client.
func readerOf(c *registrar.Client) *reader { return c.Registry.(*driver).parts.Load().reader }

// slowToLoad has the client's disk take its time with the snapshot.
func slowToLoad(c *registrar.Client, d time.Duration) {
	readerOf(c).disk.load = func(path, root string, log *slog.Logger) *kept {
		time.Sleep(d)
		return load(path, root, log)
	}
}

// TestSlowDiskDoesNotHoldUpTheCaller: GetService takes a second at most, and no
// longer than its context, whatever the disk does.
func TestSlowDiskDoesNotHoldUpTheCaller(t *testing.T) {
	t.Parallel()
	const hangs = time.Minute
	for name, tt := range map[string]struct {
		state  fakeState
		within time.Duration // of the context
		takes  time.Duration
		target error
	}{
		"etcd answers":             {fakeUp, time.Minute, loadWait, nil},
		"etcd is quiet":            {fakeHung, time.Minute, firstWait, registrar.ErrUnavailable},
		"the caller has less time": {fakeUp, 100 * time.Millisecond, 100 * time.Millisecond, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remembered(t, func(t *testing.T, w *world, path string) {
				c := w.another(t, registrar.WithSnapshot(path))
				slowToLoad(c, hangs)
				w.set(tt.state)
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tt.within)
				defer cancel()
				_, err := c.GetService(ctx, "orders")
				if took := time.Since(start); took != tt.takes || !isErr(err, tt.target) {
					t.Errorf("took %v: %v, want %v and %v", took, err, tt.takes, tt.target)
				}
				if took := closing(c); took > closeTimeout {
					t.Errorf("Close took %v", took)
				}
				time.Sleep(hangs) // for the disk
			})
		})
	}
}

// TestDiskThatHangsIsWaitedForOnce: services that are asked for later find that
// the wait is over.
func TestDiskThatHangsIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	remembered(t, func(t *testing.T, w *world, path string) {
		const hangs = time.Hour
		c := w.another(t, registrar.WithSnapshot(path))
		slowToLoad(c, hangs)
		for i, service := range []string{"orders", "others"} {
			start := time.Now()
			_, err := c.GetService(t.Context(), service)
			if took, want := time.Since(start), []time.Duration{loadWait, 0}[i]; took != want || err != nil {
				t.Errorf("%s took %v: %v, want %v", service, took, err, want)
			}
		}
		_ = c.Close()
		time.Sleep(hangs)
	})
}

// TestDiskAnswersAfterClose: what is loaded too late starts nothing any more.
func TestDiskAnswersAfterClose(t *testing.T) {
	t.Parallel()
	remembered(t, func(t *testing.T, w *world, path string) {
		const hangs = time.Hour
		c := w.another(t, registrar.WithSnapshot(path))
		slowToLoad(c, hangs)
		w.set(fakeHung)
		if _, err := c.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("without etcd and disk: %v, want ErrUnavailable", err)
		}
		_ = c.Close()
		r := readerOf(c)
		if used := r.use(load(path, "/roster/", slog.New(slog.DiscardHandler))); used || r.mirrors.Load() != 0 {
			t.Errorf("used: %v, by %d mirrors", used, r.mirrors.Load())
		}
		time.Sleep(hangs)
	})
}

// closing closes the client and returns how long that takes.
func closing(c *registrar.Client) time.Duration {
	start := time.Now()
	_ = c.Close()
	return time.Since(start)
}

// TestSlowDiskWhileAway: what the disk has is answered once it is there, and
// etcd's word is not taken back for it.
func TestSlowDiskWhileAway(t *testing.T) {
	t.Parallel()
	remembered(t, func(t *testing.T, w *world, path string) {
		const hangs = 5 * time.Second
		c := w.another(t, registrar.WithSnapshot(path))
		slowToLoad(c, hangs)
		w.write("default/others/b", value)
		if s, err := c.GetService(t.Context(), "others"); err != nil || len(s.Instances) != 2 {
			t.Fatalf("while etcd is up: %+v, %v", s, err)
		}
		w.set(fakeDown)
		if _, err := c.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("without etcd and disk: %v, want ErrUnavailable", err)
		}
		time.Sleep(hangs)
		start := time.Now()
		if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 2 || !s.Stale {
			t.Errorf("once the disk has answered: %+v, %v, want two instances, stale", s, err)
		}
		if s, err := c.GetService(t.Context(), "others"); err != nil || len(s.Instances) != 2 {
			t.Errorf("what etcd had answered is now %+v, %v", s, err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("waited for %v once there was something to answer", took)
		}
		synctest.Wait()
		if n := w.log.count("the disk is slow"); n != 1 {
			t.Errorf("warned %d times", n)
		}
	})
}

// TestCloseDoesNotWaitForTheDisk: the last write goes on by itself.
func TestCloseDoesNotWaitForTheDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	synctest.Test(t, func(t *testing.T) {
		const hangs = time.Minute
		w := newWorld(t, registrar.WithSnapshot(path))
		readerOf(w.client).disk.keep = func(ctx context.Context, k *snapshot.Keeper) {
			<-ctx.Done()
			time.Sleep(hangs)
			k.Run(ctx)
		}
		w.write("default/orders/a", value)
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		if took := closing(w.client); took != closeTimeout {
			t.Errorf("Close took %v, want %v", took, closeTimeout)
		}
		time.Sleep(hangs)
		synctest.Wait()
		if k := load(path, "/roster/", slog.New(slog.DiscardHandler)); len(k.ranges) != 1 {
			t.Errorf("%d ranges were written, want 1", len(k.ranges))
		}
	})
}
