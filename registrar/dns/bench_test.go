package dns

import "testing"

// BenchmarkGetService is a call for a service that is known.
func BenchmarkGetService(b *testing.B) {
	c := open(b, newNetwork(b, orders...))
	ctx := b.Context()
	if _, err := c.GetService(ctx, "orders"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.GetService(ctx, "orders"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestGetServiceAllocatesNothing: it is called for each request.
func TestGetServiceAllocatesNothing(t *testing.T) {
	c := open(t, newNetwork(t, orders...))
	for _, name := range []string{"orders", "none"} {
		_, _ = c.GetService(t.Context(), name)
		if n := testing.AllocsPerRun(100, func() { _, _ = c.GetService(t.Context(), name) }); n > 0 {
			t.Errorf("GetService(%q) allocates %v times", name, n)
		}
	}
}
