package reader

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/registrar"
)

// afterReading runs a test in which a client has read a service of two instances,
// and of another, and has closed, which leaves a snapshot.
func afterReading(t *testing.T, run func(t *testing.T, w *world, path string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withSnapshot(path))
		w.write("default/orders/a", value)
		w.write("default/orders/b", value)
		w.write("default/others/a", value)
		for _, name := range []string{"orders", "others"} {
			if _, err := w.client.GetService(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		_ = w.client.Close()
		run(t, w, path)
	})
}

// TestSnapshotWhileAway starts while etcd is away: what was known is answered,
// stale, at once, and what wasn't is unavailable.
func TestSnapshotWhileAway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		state faulty.State
		waits time.Duration
	}{
		"that refuses":  {faulty.Down, 0},
		"that is quiet": {faulty.Hung, firstWait},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			afterReading(t, func(t *testing.T, w *world, path string) {
				w.SetState(tt.state)
				c := w.another(t, withSnapshot(path))
				start := time.Now()
				s, err := c.GetService(t.Context(), "orders")
				if err != nil || len(s.Instances) != 2 || !s.Stale {
					t.Fatalf("got %+v, %v, want two instances, stale", s, err)
				}
				if took := time.Since(start); took != tt.waits {
					t.Errorf("took %v, want %v", took, tt.waits)
				}
				start = time.Now()
				if again, err := c.GetService(t.Context(), "orders"); again != s || err != nil || time.Since(start) > 0 {
					t.Errorf("a second call got %p, %v after %v, want %p at once", again, err, time.Since(start), s)
				}
				if _, err := c.GetService(t.Context(), "unknown"); !errors.Is(err, registrar.ErrUnavailable) {
					t.Errorf("a service that wasn't known: %v", err)
				}
				w.SetState(faulty.Up)
				w.write("default/orders/c", value)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 3 || s.Stale {
					t.Errorf("after etcd's return %+v, %v", s, err)
				}
			})
		})
	}
}

// TestSnapshotIsNotPreferred: while etcd answers, nobody sees what is old.
func TestSnapshotIsNotPreferred(t *testing.T) {
	t.Parallel()
	afterReading(t, func(t *testing.T, w *world, path string) {
		w.write("default/orders/c", value)
		c := w.another(t, withSnapshot(path))
		if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 3 || s.Stale {
			t.Errorf("first answer %+v, %v, want three instances of now", s, err)
		}
		// The caller's time counts for more.
		w.SetState(faulty.Hung)
		c = w.another(t, withSnapshot(path))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if s, err := c.GetService(ctx, "others"); err != nil || len(s.Instances) != 1 || !s.Stale {
			t.Errorf("with little time %+v, %v, want what is known", s, err)
		}
	})
}

// TestSnapshotOutlivesProcesses: a service that a process doesn't ask for stays
// in the file for the next one, and for a day.
func TestSnapshotOutlivesProcesses(t *testing.T) {
	t.Parallel()
	afterReading(t, func(t *testing.T, w *world, path string) {
		for range 2 {
			c := w.another(t, withSnapshot(path))
			if _, err := c.GetService(t.Context(), "others"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			_ = c.Close()
		}
		w.SetState(faulty.Down)
		c := w.another(t, withSnapshot(path))
		if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 2 {
			t.Errorf("after three processes %+v, %v", s, err)
		}
		_ = c.Close()
		time.Sleep(replica.DefaultSnapshotMaxAge)
		c = w.another(t, withSnapshot(path))
		if _, err := c.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("after a day: %v, want ErrUnavailable", err)
		}
	})
}

// TestSnapshotOfNamespace is of a namespace that is mirrored as a whole.
func TestSnapshotOfNamespace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withSnapshot(path))
		w.write("default/orders/a", value)
		for i := range maxSingly + 1 {
			_, _ = w.client.GetService(t.Context(), "service-"+string(rune('a'+i/26))+string(rune('a'+i%26))) // not there
		}
		time.Sleep(time.Second)
		_ = w.client.Close()
		w.SetState(faulty.Down)
		c := w.another(t, withSnapshot(path))
		if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 || !s.Stale {
			t.Errorf("got %+v, %v, want the instance, stale", s, err)
		}
		if _, err := c.GetService(t.Context(), "nobody"); !errors.Is(err, registrar.ErrNotFound) {
			t.Errorf("what wasn't in the namespace: %v, want ErrNotFound", err)
		}
	})
}

// TestSnapshotOfNoUse warns once and goes on without.
func TestSnapshotOfNoUse(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"torn":    func(path string) error { return os.Truncate(path, 20) },
		"foreign": func(string) error { return nil }, // asked for below another prefix
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			afterReading(t, func(t *testing.T, w *world, path string) {
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				opts := []func(*replica.Config){withSnapshot(path)}
				if name == "foreign" {
					opts = append(opts, withPrefix("/other"))
				}
				w.SetState(faulty.Down)
				c := w.another(t, opts...)
				for _, service := range []string{"orders", "others"} {
					if _, err := c.GetService(t.Context(), service); !errors.Is(err, registrar.ErrUnavailable) {
						t.Errorf("%s: %v, want ErrUnavailable", service, err)
					}
				}
				synctest.Wait()
				if n := w.log.count("starting without the snapshot"); n != 1 {
					t.Errorf("warned %d times", n)
				}
			})
		})
	}
}

// TestSnapshotAndClose: a call that waits when the client closes ends.
func TestSnapshotAndClose(t *testing.T) {
	t.Parallel()
	afterReading(t, func(t *testing.T, w *world, path string) {
		w.SetState(faulty.Hung)
		c := w.another(t, withSnapshot(path))
		done := make(chan error, 1)
		go func() {
			_, err := c.GetService(context.Background(), "orders")
			done <- err
		}()
		synctest.Wait()
		_ = c.Close()
		if err := <-done; !errors.Is(err, registrar.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

// TestSnapshotNested: one process reads a service, the next one its namespace,
// or the other way round; a third has to know what the second one knew.
func TestSnapshotNested(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"namespace first": true, "service first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "snapshot")
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, withSnapshot(path))
				w.write("default/orders/a", value)
				w.write("default/orders/b", value)
				askNested(t, w.client, first)
				_ = w.client.Close()

				w.Delete("/roster/default/orders/b")
				c := w.another(t, withSnapshot(path))
				askNested(t, c, !first)
				if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 || s.Stale {
					t.Fatalf("live: %+v, %v", s, err)
				}
				_ = c.Close()

				w.SetState(faulty.Down)
				c = w.another(t, withSnapshot(path))
				if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 {
					t.Errorf("after a restart without etcd: %+v, %v; want the one instance that is left", s, err)
				}
			})
		})
	}
}

// askNested asks for a service, and if wide for so many others that the
// namespace is followed.
func askNested(t *testing.T, c *client, wide bool) {
	t.Helper()
	if wide {
		for i := range maxSingly + 1 {
			_, _ = c.GetService(t.Context(), "service-"+string(rune('a'+i/26))+string(rune('a'+i%26)))
		}
	}
	if _, err := c.GetService(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
}

// TestSnapshotAfterIdle: what was mirrored until nobody asked any more stays in
// the file as it was last, alone and with its namespace.
func TestSnapshotAfterIdle(t *testing.T) {
	t.Parallel()
	for name, wide := range map[string]bool{"service": false, "namespace": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			afterReading(t, func(t *testing.T, w *world, path string) {
				c := w.another(t, withSnapshot(path))
				w.write("default/orders/c", value)
				w.write("default/fresh/a", value)
				askNested(t, c, wide)
				if s, err := c.GetService(t.Context(), "fresh"); err != nil || len(s.Instances) != 1 {
					t.Fatalf("live: %+v, %v", s, err)
				}
				time.Sleep(idleAfter + 3*sweepEvery) // nobody asks
				if names, _, _ := remembered(c); names != 0 {
					t.Fatalf("%d names are followed still", names)
				}
				_ = c.Close()
				w.SetState(faulty.Down)
				c = w.another(t, withSnapshot(path))
				for service, want := range map[string]int{"orders": 3, "fresh": 1, "others": 1} {
					if s, err := c.GetService(t.Context(), service); err != nil || len(s.Instances) != want {
						t.Errorf("%s after a restart without etcd: %+v, %v; want %d instances", service, s, err, want)
					}
				}
			})
		})
	}
}

// TestSnapshotAfterIdleWhileItRuns: the same process, too, answers without etcd
// what it knew.
func TestSnapshotAfterIdleWhileItRuns(t *testing.T) {
	t.Parallel()
	afterReading(t, func(t *testing.T, w *world, path string) {
		c := w.another(t, withSnapshot(path))
		w.write("default/orders/c", value)
		askNested(t, c, false)
		time.Sleep(idleAfter + 3*sweepEvery)
		w.SetState(faulty.Down)
		if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 3 || !s.Stale {
			t.Errorf("got %+v, %v, want three instances, stale", s, err)
		}
	})
}
