package replica

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

func TestFollowsEtcd(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		r := f.ready(nil)
		f.wantInstances(r, "orders/a")
		f.wantState(r, mirror.Live)
		f.put("default/orders/b")
		synctest.Wait()
		f.wantInstances(r, "orders/a", "orders/b")
		if r.Load().Revision() != f.etcd.Revision() || r.Lag() != 0 {
			f.t.Errorf("revision %d of %d, lag %d", r.Load().Revision(), f.etcd.Revision(), r.Lag())
		}
		f.close(r)
	})
}

// TestConfigurationErrors are the only ones that Open has.
func TestConfigurationErrors(t *testing.T) {
	t.Parallel()
	_, err := Open(Config{Etcd: etcdclient.Config{Endpoints: []string{"127.0.0.1"}}, Prefix: "/roster"})
	if err == nil || !strings.Contains(err.Error(), `"127.0.0.1"`) {
		t.Errorf("error %v", err)
	}
}

// TestWaitWhileAway: the error says what is known of the connection.
func TestWaitWhileAway(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.away()
		r := f.open(nil)
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		err := r.Wait(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no leader") {
			f.t.Errorf("error %v", err)
		}
		f.wantState(r, mirror.Unsynced)
		if err := r.LastError(); err == nil {
			f.t.Error("no last error")
		}
		done := make(chan error)
		go func() { done <- r.Wait(f.t.Context()) }()
		synctest.Wait()
		f.close(r)
		if err := <-done; !errors.Is(err, ErrClosed) {
			f.t.Errorf("Wait returned %v, want %v", err, ErrClosed)
		}
	})
}

// TestWorstOfRanges: a registry of several ranges is as good as the worst of them.
func TestWorstOfRanges(t *testing.T) {
	inBubble(t, func(f *fixture) {
		denied := true
		f.etcd.Set(func(s *faulty.Faults) {
			s.Denied = func(key string) bool { return denied && strings.HasPrefix(key, "/roster/b/") }
		})
		r := f.open(func(c *Config) { c.Ranges = []string{"a/", "b/"} })
		time.Sleep(time.Second)
		f.wantState(r, mirror.Unsynced)
		if err := r.LastError(); err == nil || !strings.Contains(err.Error(), "permission denied") {
			f.t.Errorf("last error %v", err)
		}
		f.etcd.Set(func(*faulty.Faults) { denied = false })
		f.wait(r)
		f.wantState(r, mirror.Live)
		f.close(r)
	})
}

// TestStatusAllocatesNothing: each query asks for it.
func TestStatusAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{t: t, etcd: faulty.New(), log: &logBuffer{}, seen: &counter{}}
		r := f.ready(func(c *Config) { c.Ranges, c.Snapshot = []string{"a/", "b/"}, "" })
		synctest.Wait() // what goes on beside is counted, too
		if n := testing.AllocsPerRun(100, func() { _ = r.Status() }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		f.close(r)
	})
}

// TestLag is how many revisions the store is behind.
func TestLag(t *testing.T) {
	inBubble(t, func(f *fixture) {
		r := f.ready(nil)
		f.etcd.Put("/elsewhere", "x", 0)
		f.etcd.Put("/elsewhere", "y", 0)
		time.Sleep(5 * time.Second) // progress
		if r.Lag() != 0 || r.registry.mirror.Status().Head != f.etcd.Revision() {
			f.t.Errorf("lag %d at %d of %d", r.Lag(), r.registry.mirror.Status().Head, f.etcd.Revision())
		}
		f.close(r)
	})
}

// TestViews: what is followed into another view is neither in the store nor in the
// snapshot.
func TestViews(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.put("default/orders/a")
		f.put("default/others/b")
		other := services.New(f.config(nil).Log, nil)
		r := f.open(func(c *Config) { c.Ranges = nil })
		orders, others := r.Follow("default/orders/"), r.FollowInto("default/others/b", other)
		<-orders.Listed()
		<-others.Listed()
		f.wantInstances(r, "orders/a")
		if other.Load().Instances() != 1 {
			f.t.Errorf("%d instances in the other view", other.Load().Instances())
		}
		f.close(r)
		if h, n := f.onDisk(); n != 1 || len(h.Ranges) != 1 || h.Ranges[0].Prefix != "/roster/default/orders/" {
			f.t.Errorf("%d entries of %+v", n, h.Ranges)
		}
	})
}
