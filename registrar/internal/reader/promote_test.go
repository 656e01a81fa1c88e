package reader

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

func TestManyServicesShareOneRange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		name := func(i int) string { return fmt.Sprintf("s%d", i) }
		for i := range 200 {
			w.write("default/"+name(i)+"/a", value)
		}
		get := func(i int) *registrar.Service {
			t.Helper()
			s, err := w.client.GetService(t.Context(), name(i))
			if err != nil {
				t.Fatalf("%s: %v", name(i), err)
			}
			return s
		}
		for i := range maxSingly {
			get(i)
		}
		if slices.Contains(w.Counts().Lists, "/roster/default/") {
			t.Error("the namespace is followed too early")
		}
		get(maxSingly)
		time.Sleep(10 * time.Second)
		before := len(w.Counts().Lists)
		for i := range 200 {
			get(i)
		}
		// The service that is one too many is listed alone too, unless the
		// namespace's range takes it over before.
		if n := len(w.Counts().Lists); n != before || before < maxSingly+1 || before > maxSingly+2 || !slices.Contains(w.Counts().Lists, "/roster/default/") {
			t.Errorf("%d lists before, %d after", before, n)
		}
		// A change is seen through the shared range, and it alone is followed.
		w.write("default/s3/b", value)
		if n := len(get(3).Instances); n != 2 {
			t.Errorf("%d instances, want 2", n)
		}
		watches := len(w.Counts().Watches)
		w.BreakStreams()
		time.Sleep(10 * time.Second)
		if got := w.Counts().Watches[watches:]; !slices.Equal(got, []string{"/roster/default/"}) {
			t.Errorf("watches after a break: %q", got)
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		if _, namespaces, ranges := remembered(w.client); namespaces != 0 || ranges != 0 {
			t.Error("the namespace is not dropped")
		}
	})
}

// TestNoServiceIsMissedWhileMoving: nobody finds less than before while the
// services of a namespace move to its range.
func TestNoServiceIsMissedWhileMoving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		s, err := w.client.GetService(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		for i := range maxSingly {
			_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
			if again, err := w.client.GetService(t.Context(), "orders"); err != nil || again != s {
				t.Fatalf("GetService: %v, %v, want the same answer", again, err)
			}
		}
		time.Sleep(time.Second)
		if again, err := w.client.GetService(t.Context(), "orders"); err != nil || again != s {
			t.Errorf("GetService: %v, %v, want the same answer", again, err)
		}
		if _, _, ranges := remembered(w.client); ranges != 1 {
			t.Errorf("%d ranges are followed, want that of the namespace", ranges)
		}
	})
}

// TestNamespaceThatMayNotBeRead: its services stay followed one by one.
func TestNamespaceThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return key == "/roster/default/" } })
		for i := range maxSingly + 10 {
			name := fmt.Sprintf("s%d", i)
			w.write("default/"+name+"/a", value)
			if _, err := w.client.GetService(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		w.write("default/s70/b", value)
		if s, err := w.client.GetService(t.Context(), "s70"); err != nil || len(s.Instances) != 2 || s.Stale {
			t.Errorf("GetService: %+v, %v", s, err)
		}
		if n := len(narrow(w.Counts().Lists)); n != maxSingly+10 {
			t.Errorf("%d lists, want one for each service", n)
		}
	})
}

// TestNamespaceIsTriedAgain: one refusal doesn't end the promotion for good; many
// don't cost many requests.
func TestNamespaceIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		deny := func(yes bool) {
			w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return yes && key == "/roster/default/" } })
		}
		ask := func(minutes int) {
			t.Helper()
			for range minutes {
				for i := range maxSingly + 1 {
					_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
				}
				time.Sleep(time.Minute)
			}
		}
		whole := func() bool {
			w.client.subscriptions.mu.Lock()
			defer w.client.subscriptions.mu.Unlock()
			return w.client.subscriptions.namespaces["default"].whole != nil
		}
		deny(true)
		ask(1)
		if whole() {
			t.Fatal("the namespace is followed though it may not be read")
		}
		deny(false)
		ask(3)
		if _, _, ranges := remembered(w.client); !whole() || ranges != 1 {
			t.Errorf("the namespace is not followed once it may be read: %d ranges", ranges)
		}
	})
}

// TestRefusedNamespaceIsTriedSeldom: a user that may read services alone is told of
// it a few times a day, though services are asked for all the time.
func TestRefusedNamespaceIsTriedSeldom(t *testing.T) {
	t.Parallel()
	const most = 30 // 1, 2, 4, … 32 minutes, then each hour
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var tries atomic.Int64
		w.Set(func(f *faulty.Faults) {
			f.Denied = func(key string) bool {
				if key != "/roster/default/" {
					return false
				}
				tries.Add(1)
				return true
			}
		})
		for range 24 * 60 / 5 {
			for i := range maxSingly + 1 {
				_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
			}
			time.Sleep(5 * time.Minute)
		}
		if n := tries.Load(); n < 2 || n > most {
			t.Errorf("the namespace was tried %d times in a day, want a few up to %d", n, most)
		}
	})
}
