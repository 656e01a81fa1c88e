package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// listed is a WatchList in a goroutine, for tests under synctest.
type listed struct {
	cancel context.CancelFunc

	mu    sync.Mutex
	seen  []string // names and errors that were yielded
	ended bool
}

// watchList watches the names of a namespace until the end of the test.
func (w *world) watchList(t *testing.T, namespace string) *listed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	l := &listed{cancel: cancel}
	go func() {
		for names, err := range w.client.WatchList(ctx, namespace) {
			l.mu.Lock()
			l.seen = append(l.seen, shown(names, err))
			l.mu.Unlock()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = true
	}()
	synctest.Wait()
	return l
}

// shown returns what was yielded as "a,b", with the error behind it.
func shown(names []string, err error) string {
	text := "nil"
	if names != nil {
		text = strings.Join(names, ",")
	}
	for _, target := range []error{registrar.ErrUnavailable, registrar.ErrPermission, registrar.ErrClosed, registrar.ErrInvalid} {
		if errors.Is(err, target) {
			text += " " + target.Error()
		}
	}
	return text
}

// want checks what was yielded since the last look.
func (l *listed) want(t *testing.T, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.seen, want) {
		t.Fatalf("%s: yielded %q, want %q", what, l.seen, want)
	}
	l.seen = nil
}

func TestWatchList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		l := w.watchList(t, "default")
		l.want(t, "at first", "orders")
		w.write("default/cart/a", value)
		l.want(t, "a new one", "cart,orders")
		w.write("default/cart/b", value)
		w.write("default/orders/_status/a", `{"status":"down"}`)
		w.write("default/orders/_policy", `{"min_up":1}`)
		w.Delete(root + "default/cart/b")
		l.want(t, "changes within services")
		w.write("default/bad/a", "{")
		w.write("default/lost/a", `{"addresses":["10.0.0.9"]}`) // neither leased nor static
		w.write("default2/x/a", value)
		l.want(t, "what is no service of the namespace")
		w.write("default/cart/a", "{")
		l.want(t, "the last instance becomes invalid", "orders")
		w.write("default/eu/_policy", `{"failover":["default/orders"]}`)
		l.want(t, "a policy by which another one answers", "eu,orders")
		w.Delete(root+"default/orders/a", root+"default/eu/_policy")
		l.want(t, "none is left", "")
		if c := w.Counts(); !slices.Equal(c.Lists, []string{"/roster/default/"}) || !slices.Equal(c.Watches, c.Lists) {
			t.Errorf("lists %q, watches %q, want one of the namespace", c.Lists, c.Watches)
		}
		l.cancel()
		w.write("default/late/a", value)
		if l.want(t, "after the end"); !l.ended {
			t.Error("the loop goes on after its context has ended")
		}
	})
}

// TestWatchListOfAll: the names of all namespaces, in order as text.
func TestWatchListOfAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("a/x/i", value)
		w.write("a-b/x/i", value)
		l := w.watchList(t, "")
		l.want(t, "at first", "a-b/x,a/x")
		w.write("a-b/w/i", value)
		w.write("a0/x/i", value)
		l.want(t, "more", "a-b/w,a-b/x,a/x", "a-b/w,a-b/x,a/x,a0/x")
		if lists := w.Counts().Lists; !slices.Equal(lists, []string{"/roster/"}) {
			t.Errorf("lists: %q", lists)
		}
	})
}

// TestWatchListSkipsToTheLast: a loop that is slower than the changes gets the last names,
// also where the journal has forgotten some of them.
func TestWatchListSkipsToTheLast(t *testing.T) {
	t.Parallel()
	const more = 1500 // than the journal has
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.write("default/gone/a", value)
		rounds := 0
		for names, err := range w.client.WatchList(t.Context(), "default") {
			if err != nil {
				t.Fatal(err)
			}
			switch rounds++; rounds {
			case 1:
				for i := range 5 {
					w.write(fmt.Sprintf("default/s%d/a", i), value)
				}
				w.Delete(root+"default/gone/a", root+"default/s0/a")
				synctest.Wait()
			case 2:
				if got := strings.Join(names, " "); got != "orders s1 s2 s3 s4" {
					t.Errorf("after a few changes: %q", got)
				}
				w.Delete(root + "default/orders/a")
				synctest.Wait()
				for i := range more {
					w.write("default/s1/a", strings.Replace(value, "9", fmt.Sprint(i%200+1), 1))
				}
			case 3:
				if got := strings.Join(names, " "); got != "s1 s2 s3 s4" {
					t.Errorf("after more changes than the journal has: %q", got)
				}
				w.write("default/new/a", value)
				w.Delete(root + "default/new/a")
				w.write("default/end/a", value)
			case 4:
				if got := strings.Join(names, " "); got != "end s1 s2 s3 s4" {
					t.Errorf("after one that came and went: %q", got)
				}
				return
			}
		}
	})
}

// TestWatchListIsWokenByExistenceAlone: what happens within services costs it nothing.
func TestWatchListIsWokenByExistenceAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		idle := &listWatch{newLoop(w.client.Reader), nameFollower{namespace: "default"}}
		all := &listWatch{loop: newLoop(w.client.Reader)}
		woken := func() (tokens [2]int) {
			for i, l := range []*listWatch{idle, all} {
				if tokens[i] = len(l.wake); tokens[i] > 0 {
					<-l.wake
				}
			}
			return tokens
		}
		for _, l := range []*listWatch{idle, all} {
			defer l.release()
			if _, err := l.look(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		woken()
		w.write("default/orders/b", value)
		w.write("default/orders/_policy", `{"alias":"default/x"}`)
		w.Delete(root+"default/orders/a", root+"default/orders/b")
		w.write("default/x/_policy", `{"max_answers":1}`) // exists no more than before
		time.Sleep(10 * time.Minute)                      // progress, and audits
		if got := woken(); got != [2]int{} {
			t.Errorf("woken %v without a service that is new or gone", got)
		}
		w.write("other/x/a", value)
		if got := woken(); got != [2]int{0, 1} {
			t.Errorf("woken %v by a new service of another namespace", got)
		}
		w.Delete(root + "default/orders/_policy")
		synctest.Wait()
		if got := woken(); got != [2]int{1, 1} {
			t.Errorf("woken %v by one that is gone", got)
		}
	})
}

// TestWatchListEnds: for a bad namespace, and with Close.
func TestWatchListEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if l := w.watchList(t, "a/b"); !l.ended {
			t.Error("that of a bad namespace goes on")
		} else {
			l.want(t, "a bad namespace", "nil invalid")
		}
		l := w.watchList(t, "default")
		l.want(t, "at first", "")
		_ = w.client.Close()
		if l.want(t, "after Close", "nil client closed"); !l.ended {
			t.Error("it goes on after Close")
		}
		if l = w.watchList(t, "default"); !l.ended {
			t.Error("it goes on after Close")
		}
		l.want(t, "begun after Close", "nil client closed")
	})
}

// BenchmarkWatchList has one service come and go among 10,000: names are copied, and
// nothing else depends on how many there are.
func BenchmarkWatchList(b *testing.B) {
	w := newWorld(b)
	for i := range 10_000 {
		w.Put(fmt.Sprintf("%sdefault/s%d/a", root, i), value, 0)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	told := make(chan int)
	running.Go(func() {
		for names, err := range w.client.WatchList(ctx, "default") {
			if err != nil {
				continue
			}
			select {
			case told <- len(names):
			case <-ctx.Done():
			}
		}
	})
	<-told
	for b.Loop() {
		w.Put(root+"default/new/a", value, 0)
		<-told
		w.Delete(root + "default/new/a")
		<-told
	}
	cancel()
	running.Wait()
}
