package driver

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestWriterAsksAlong: a client that reads nothing asks for progress along with its
// keepalives alone, one that reads as often as that takes.
func TestWriterAsksAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		time.Sleep(time.Minute)
		const idle = 10 * time.Minute
		asked := func() (progress, renewals int) {
			before := w.Counts()
			time.Sleep(idle)
			after := w.Counts()
			return after.Progress - before.Progress, after.Renewals - before.Renewals
		}
		if progress, renewals := asked(); progress != renewals {
			t.Errorf("%d requests for progress in %v, want one along with each of the %d keepalives", progress, idle, renewals)
		}
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		if progress, _ := asked(); progress < 299 || progress > 301 {
			t.Errorf("%d requests for progress in %v while a service is read, want one in two seconds", progress, idle)
		}
		time.Sleep(idle) // nobody has asked for the service again
		if progress, renewals := asked(); progress != renewals {
			t.Errorf("%d requests for progress in %v after the service was dropped, want one along with each of the %d keepalives", progress, idle, renewals)
		}
		if n := w.log.count("no contact"); n > 0 {
			t.Errorf("contact was lost:\n%s", &w.log.Builder)
		}
	})
}
