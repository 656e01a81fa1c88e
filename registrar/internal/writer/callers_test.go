package writer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
)

// TestCallersThatGiveUp: callers whose contexts end before etcd has answered take no memory
// any more, while those that still wait are told.
func TestCallersThatGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Hung)
		const calls, waiting = 600, 3
		told := make(chan error, waiting)
		for i := range calls {
			if i%(calls/waiting) == 0 {
				go func() { told <- w.client.Register(t.Context(), orders("a")) }()
				synctest.Wait()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if err := w.client.Register(ctx, orders("a")); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
		w.client.table.with(func() {
			for _, e := range w.client.table.index.entries {
				if n := len(e.callers); n < waiting || n > 4*waiting {
					t.Errorf("%d callers of %s, want the %d that wait, and few others", n, e.name, waiting)
				}
			}
			if n := len(w.client.table.callers); n != waiting {
				t.Errorf("%d callers wait, want %d", n, waiting)
			}
		})
		asked := time.Now()
		w.SetState(faulty.Up)
		for range waiting {
			if err := <-told; err != nil {
				t.Error(err)
			}
		}
		if waited := time.Since(asked); waited > 0 {
			t.Errorf("told %v after the answer", waited)
		}
	})
}
