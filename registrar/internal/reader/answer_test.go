package reader

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rosterdns/roster/registrar"
)

func TestBrokenNeighboursAreLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.write("default/orders/b", strings.Repeat("x", 1000))
		w.write("default/orders/c", `{"addresses":["10.0.0.9"]}`)
		w.write("default/orders/_status/a", `{"status":"draining"}`)
		if _, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrNotFound) {
			t.Errorf("GetService: %v, want ErrNotFound: a is draining by an operator's word", err)
		}
		s, err := w.client.GetService(t.Context(), "orders?status=any")
		if err != nil || len(s.Instances) != 1 || s.Instances[0].Status != "draining" {
			t.Errorf("GetService of any status: %+v, %v", s, err)
		}
	})
}

func benchClient(tb testing.TB) *client {
	tb.Helper()
	w := newWorld(tb)
	for i := range 10 {
		w.Put(fmt.Sprintf("/roster/default/orders/i%d", i), value, 0)
	}
	if _, err := w.client.GetService(tb.Context(), "orders"); err != nil {
		tb.Fatal(err)
	}
	return w.client
}

func TestGetServiceDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wantNoAllocations(t, benchClient(t))
	})
}

// wantNoAllocations checks that GetService allocates nothing.
func wantNoAllocations(t *testing.T, c *client) {
	t.Helper()
	ctx := t.Context()
	synctest.Wait() // what goes on beside is counted, too
	n := testing.AllocsPerRun(1000, func() {
		if _, err := c.GetService(ctx, "orders"); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per call, want none", n)
	}
}

func BenchmarkGetService(b *testing.B) {
	c := benchClient(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.GetService(ctx, "orders"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetServiceParallel(b *testing.B) {
	c := benchClient(b)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.GetService(ctx, "default/orders?status=any"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
