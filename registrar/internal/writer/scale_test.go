package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestManyInstancesOfOneService has as many as a file of the command can bring:
// one watch, and Close in time, whatever happens to etcd.
func TestManyInstancesOfOneService(t *testing.T) {
	t.Parallel()
	const instances = 20_000
	for name, tt := range map[string]struct {
		closing faulty.Faults
		left    int
	}{
		"etcd answers":         {faulty.Faults{Delay: 3 * time.Millisecond}, 0},
		"etcd is slow":         {faulty.Faults{Delay: 100 * time.Millisecond}, 0},
		"etcd gives no answer": {faulty.Faults{State: faulty.Hung}, instances},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, orders(numbered(instances)...))
				if err := w.client.Wait(t.Context()); err != nil || w.Len() != instances {
					t.Fatalf("Wait: %v, %d keys", err, w.Len())
				}
				synctest.Wait()
				if got := w.Counts().Watches; len(got) != 1 || got[0] != root+"default/orders/" {
					t.Errorf("%d watches, want one of the service", len(got))
				}
				w.Set(func(f *faulty.Faults) { *f = tt.closing })
				start := time.Now()
				err := w.client.Close()
				if took := time.Since(start); took > closeTime || (err == nil) != (tt.left == 0) {
					t.Errorf("Close: %v after %v", err, took)
				}
				if n := w.Len(); n != tt.left {
					t.Errorf("%d instances are left, want %d", n, tt.left)
				}
				time.Sleep(2 * ttl)
				if n := w.Len(); n != 0 {
					t.Errorf("%d instances outlive their lease", n)
				}
			})
		})
	}
}

// TestRegisterCostsTheSame: what a Register allocates doesn't rise with what is
// registered already.
func TestRegisterCostsTheSame(t *testing.T) {
	const sample = 1000
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cost := func(from int) uint64 {
			time.Sleep(time.Minute) // what follows from before is done
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for i := range sample {
				w.register(t, orders(fmt.Sprintf("i%d", from+i)))
			}
			synctest.Wait()
			runtime.ReadMemStats(&after)
			return (after.TotalAlloc - before.TotalAlloc) / sample
		}
		first := cost(sample)
		w.register(t, orders(numbered(10*sample)...))
		if last := cost(20 * sample); last > 2*first+1024 {
			t.Errorf("a Register allocates %d bytes among the first, and %d beside 11,000 others", first, last)
		}
	})
}

// BenchmarkRegister registers instances one after the other: twice as many take
// twice the time.
func BenchmarkRegister(b *testing.B) {
	for _, n := range []int{5_000, 10_000} {
		for name, service := range map[string]func(i int) string{
			"one service":   func(int) string { return "orders" },
			"many services": func(i int) string { return fmt.Sprintf("s%d", i) },
		} {
			b.Run(fmt.Sprintf("%d/%s", n, strings.ReplaceAll(name, " ", "-")), func(b *testing.B) {
				for b.Loop() {
					w := &world{Etcd: faulty.New(), log: &logged{}}
					c := w.another(b, func(cfg *Config) { cfg.Log = slog.New(slog.DiscardHandler) })
					for i := range n {
						s := orders(fmt.Sprintf("i%d", i))
						s.Name = service(i)
						if err := c.Register(b.Context(), s); err != nil {
							b.Fatal(err)
						}
					}
					if err := c.Wait(b.Context()); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					_ = c.Close()
					b.StartTimer()
				}
			})
		}
	}
}

// BenchmarkRegisterAtOnce registers 1,000 services of ten instances from as many
// goroutines.
func BenchmarkRegisterAtOnce(b *testing.B) {
	var all []*registrar.Service
	for i := range 1000 {
		s := orders(numbered(10)...)
		s.Name = fmt.Sprintf("s%d", i)
		all = append(all, s)
	}
	for b.Loop() {
		w := &world{Etcd: faulty.New(), log: &logged{}}
		c := w.another(b, func(cfg *Config) { cfg.Log = slog.New(slog.DiscardHandler) })
		var registering sync.WaitGroup
		for _, s := range all {
			registering.Go(func() { _ = c.Register(b.Context(), s) })
		}
		registering.Wait()
		if err := c.Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = c.Close()
		b.StartTimer()
	}
}

// TestWaitIsCheap: what Wait looks at with each change costs no allocations,
// however many instances are waited for.
func TestWaitIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Down)
		var ids []string
		for i := range 1000 {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(ids...))
		time.Sleep(round)
		waiting, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := w.client.Wait(waiting); !errors.Is(err, context.Canceled) || !errors.Is(err, registrar.ErrUnavailable) {
				t.Errorf("Wait: %v", err)
			}
		})
		synctest.Wait()
		const changes = 100
		if n := testing.AllocsPerRun(changes, func() {
			w.client.table.with(func() { w.client.table.stirred = true })
			synctest.Wait()
		}); n > 100 {
			t.Errorf("a change costs %v allocations with 1000 instances waited for", n)
		}
		cancel()
		wg.Wait()
	})
}

// TestStatusIsCheap: who asks again and again pays for it only when something has
// changed.
func TestStatusIsCheap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("b", "a"))
		synctest.Wait()
		_ = w.client.Status()
		made := &w.client.statuses.list[0]
		time.Sleep(5 * ttl) // keepalives change nothing
		list := w.client.Status()
		if &w.client.statuses.list[0] != made || len(list) != 2 || list[0].ID != "a" {
			t.Errorf("Status was made anew though nothing has changed: %+v", list)
		}
		list[0].ID = "x" // the caller's own
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		w.SetState(faulty.Down)
		time.Sleep(5 * ttl)
		wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrUnavailable)
		w.SetState(faulty.Up)
		time.Sleep(ttl)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

// TestRefusedInstancesCostLittle: of a service whose instances were all refused one
// is tried, and the others once that gets through, whichever is granted first.
func TestRefusedInstancesCostLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const instances = 1000
		w := newWorld(t)
		deny := func(denied func(key string) bool) { w.Set(func(f *faulty.Faults) { f.Denied = denied }) }
		deny(func(string) bool { return true })
		var ids []string
		for i := range instances {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(ids...))
		time.Sleep(5 * round)
		before := w.Counts().Txns
		time.Sleep(time.Minute)
		if n, most := w.Counts().Txns-before, 60*2*instances/maxOperations; n > most {
			t.Errorf("%d transactions in a minute, want %d at most", n, most)
		}
		deny(func(key string) bool { return !strings.HasSuffix(key, "/i7") })
		time.Sleep((maxOperations + 10) * round)
		wantState(t, w.client, "i7", registrar.StateRegistered, nil)
		wantState(t, w.client, "i8", registrar.StateFailed, registrar.ErrPermission)
		deny(nil)
		time.Sleep(round)
		if err := w.client.Wait(t.Context()); err != nil || w.Len() != instances {
			t.Errorf("once they are permitted: %v, %d keys", err, w.Len())
		}
	})
}
