package etcd

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

func TestManyServicesShareOneMirror(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.counting()
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
		for i := range maxNarrow {
			get(i)
		}
		if slices.Contains(c.lists(), "/roster/default/") {
			t.Error("the namespace is mirrored too early")
		}
		get(maxNarrow)
		time.Sleep(10 * time.Second)
		before := len(c.lists())
		for i := range 200 {
			get(i)
		}
		// The service that is one too many is listed alone too, unless the
		// namespace's mirror takes it over before.
		if len(c.lists()) != before || before < maxNarrow+1 || before > maxNarrow+2 || !slices.Contains(c.lists(), "/roster/default/") {
			t.Errorf("%d lists before, %d after", before, len(c.lists()))
		}
		// A change is seen through the shared mirror, and it alone is followed.
		w.write("default/s3/b", value)
		if n := len(get(3).Instances); n != 2 {
			t.Errorf("%d instances, want 2", n)
		}
		c.reset()
		w.with(w.breakWatches)
		time.Sleep(10 * time.Second)
		if !slices.Equal(c.watches(), []string{"/roster/default/"}) {
			t.Errorf("watches after a break: %q", c.watches())
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		if _, spaces := mirrored(w.client); spaces != 0 {
			t.Error("the namespace is not dropped")
		}
	})
}

func TestNamespaceThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.counting()
		w.denied = func(key string) bool { return key == "/roster/default/" }
		for i := range maxNarrow + 10 {
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
		if len(c.lists()) != maxNarrow+10 {
			t.Errorf("%d lists, want one for each service", len(c.lists()))
		}
	})
}

// TestMovedWhileWaiting asks for many services at once: the mirror of the
// namespace is there before the own ones of some.
func TestMovedWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		r := w.client.Registry.(*driver).parts.Load().reader
		slow := &fakeSource{fakeEtcd: newFakeEtcd()}
		slow.set(fakeHung)
		fast := r.source
		r.source = slow
		type got struct {
			service *registrar.Service
			err     error
			took    time.Duration
		}
		answers := make(chan got)
		start := time.Now()
		go func() {
			s, err := w.client.GetService(t.Context(), "orders")
			answers <- got{s, err, time.Since(start)}
		}()
		synctest.Wait()
		r.mu.Lock()
		r.source = fast
		sp := r.spaces["default"]
		wide := r.open(sp.ctx, "/roster/default/")
		r.mu.Unlock()
		<-wide.mirror.Synced()
		if !r.move(sp, wide) {
			t.Error("not moved")
		}
		if g := <-answers; g.err != nil || len(g.service.Instances) != 1 || g.took != 0 {
			t.Errorf("GetService: %+v, %v after %v, want no wait", g.service, g.err, g.took)
		}
	})
}

// TestMovingGoesNeverBack holds the namespace's mirror at an old revision while
// the service's own goes on.
func TestMovingGoesNeverBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		r := w.client.Registry.(*driver).parts.Load().reader
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		old := &fakeSource{fakeEtcd: newFakeEtcd()}
		old.with(func() { old.put("/roster/default/orders/a", value, 0) })
		w.write("default/orders/b", value)

		r.mu.Lock()
		source := r.source
		r.source = old
		wide := r.open(r.spaces["default"].ctx, "/roster/default/")
		r.source = source
		r.mu.Unlock()
		<-wide.mirror.Synced()
		if r.move(r.spaces["default"], wide) {
			t.Error("moved to a mirror that is behind")
		}
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 2 {
			t.Errorf("GetService: %+v, %v", s, err)
		}
		old.with(func() { old.put("/roster/default/orders/b", value, 0); old.put("/roster/default/orders/c", value, 0) })
		synctest.Wait()
		if !r.move(r.spaces["default"], wide) {
			t.Error("not moved to a mirror that is ahead")
		}
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 3 {
			t.Errorf("GetService: %+v, %v", s, err)
		}
	})
}
