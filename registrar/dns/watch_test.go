package dns

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// yields is a Watch in a goroutine of its own.
type yields struct {
	sets   []*registrar.Service
	errs   []error
	cancel context.CancelFunc
	done   chan struct{}
}

func watching(t *testing.T, c *registrar.Client, name string) *yields {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	y := &yields{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(y.done)
		for s, err := range c.Watch(ctx, name) {
			y.sets, y.errs = append(y.sets, s), append(y.errs, err)
		}
	}()
	return y
}

// wants checks what was yielded since the last call: of each set the number of instances,
// -1 for none, and its error.
func (y *yields) wants(t *testing.T, after time.Duration, sizes []int, errs ...error) {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	if len(y.sets) != len(sizes) {
		t.Errorf("yielded %d sets, want %d", len(y.sets), len(sizes))
	}
	for i := range min(len(y.sets), len(sizes)) {
		s, size := y.sets[i], -1
		if s != nil {
			size = len(s.Instances)
		}
		if size != sizes[i] || !errors.Is(y.errs[i], errs[i]) || s != nil && s.Stale != (errs[i] != nil) {
			t.Errorf("set %d is %+v, %v, want %d instances, %v", i, s, y.errs[i], sizes[i], errs[i])
		}
	}
	y.sets, y.errs = nil, nil
}

// TestWatch: the current set first, then each other one, and when it becomes stale.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		y := watching(t, c, "orders")
		y.wants(t, 0, []int{2}, nil)
		y.wants(t, time.Hour, nil)
		n.set(t, orders[0], orders[2], orders[3], orders[5])
		y.wants(t, ttl, []int{1}, nil)
		n.set(t, "others.default A 10.0.0.1")
		y.wants(t, ttl, []int{0}, nil)
		n.fail(dns.RcodeServerFailure)
		y.wants(t, time.Hour, []int{0}, registrar.ErrUnavailable)
		n.set(t, orders...)
		n.recover()
		y.wants(t, time.Minute, []int{2}, nil)
		n.fail(dns.RcodeServerFailure)
		y.wants(t, time.Minute, []int{2}, registrar.ErrUnavailable)
		n.recover()
		y.wants(t, time.Minute, []int{2}, nil)
		y.cancel()
		y.wants(t, time.Minute, nil)
		<-y.done
	})
}

// TestWatchBeforeContact: that there is none is said within a second, and once.
func TestWatchBeforeContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		n.edit(func(s *server) { s.wait = silence })
		c := open(t, n)
		y := watching(t, c, "orders")
		y.wants(t, firstWait, []int{-1}, registrar.ErrUnavailable)
		y.wants(t, time.Hour, nil)
		n.recover()
		y.wants(t, time.Minute, []int{2}, nil)
		n.edit(func(s *server) { s.wait = silence })
		time.Sleep(time.Second)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-y.done
		y.wants(t, 0, []int{-1}, registrar.ErrClosed)
	})
}

// TestWatchCoalesces: a loop that is slower than the changes skips to the last one, and a
// change that was undone meanwhile is none.
func TestWatchCoalesces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		var sizes []int
		for s, err := range c.Watch(t.Context(), "orders") {
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(s.Instances))
			if len(sizes) == 3 {
				break
			}
			n.set(t, "others.default A 10.0.0.1")
			time.Sleep(ttl)
			if len(sizes) == 1 {
				n.set(t, orders[0], orders[5])
				time.Sleep(ttl)
			}
		}
		if sizes[0] != 2 || sizes[1] != 1 || sizes[2] != 0 {
			t.Errorf("the sets have %v instances, want 2, 1, 0", sizes)
		}
	})
}

// TestWatchUnchanged: what was stale between two looks is no news.
func TestWatchUnchanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, orders...)
		c := open(t, n)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		rounds := 0
		for _, err := range c.Watch(ctx, "orders") {
			if err != nil {
				t.Error(err)
			}
			rounds++
			n.fail(dns.RcodeServerFailure)
			time.Sleep(ttl)
			n.recover()
			time.Sleep(time.Minute)
		}
		if rounds != 1 {
			t.Errorf("yielded %d times, want once", rounds)
		}
	})
}
