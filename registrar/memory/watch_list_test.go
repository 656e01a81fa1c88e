package memory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// lists has the newest names that WatchLists have yielded, by namespace.
type lists struct {
	client  *registrar.Client
	running sync.WaitGroup

	mu    sync.Mutex
	names map[string][]string
	errs  map[string]error
}

// follow watches the names of a namespace until ctx is done.
func (l *lists) follow(ctx context.Context, namespace string) {
	l.running.Go(func() {
		for names, err := range l.client.WatchList(ctx, namespace) {
			l.mu.Lock()
			l.names[namespace], l.errs[namespace] = names, err
			l.mu.Unlock()
		}
	})
}

// check compares what came last with what List returns.
func (l *lists) check(t *testing.T, what string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for namespace, names := range l.names {
		want, err := l.client.List(t.Context(), namespace)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.errs[namespace]; err != nil || names == nil || !slices.Equal(names, want) {
			t.Fatalf("%s: WatchList(%q) has %q, %v, List %q", what, namespace, names, err, want)
		}
	}
}

const keepLast = 5 * time.Second

// randomKeys are keys of a registry, and what they can hold: what makes a service exist,
// and what doesn't.
var (
	randomNamespaces = []string{"a", "a-b", "c"}
	randomServices   = []string{"x", "x-y", "y"}
	randomInstances  = []string{
		`{"addresses":["10.0.0.1"],"static":true}`, `{"addresses":["10.0.0.1"]}`, `{"host":"db.example","static":true,"status":"down"}`,
		`{"addresses":["127.0.0.300"],"static":true}`, `{"addresses":[],"static":true}`, `{`, ``,
	}
	randomPolicies = []string{
		`{"alias":"a/x"}`, `{"alias":"c/y","max_answers":3}`, `{"failover":["a-b/x","c/x"]}`, `{"failover":[]}`, `{"min_up":1}`,
		fmt.Sprintf(`{"keep_last":%d}`, int(keepLast.Seconds())), `{}`, `{"alias":"A"}`, `null`, `{`,
	}
)

// world is a store that a test writes to as others do.
type world struct {
	*rand.Rand
	store  *Store
	client *registrar.Client
	leases []int64
}

func (w *world) pick(from ...string) string { return from[w.IntN(len(from))] }

// change does something to the registry, and returns what.
func (w *world) change(t *testing.T) string {
	t.Helper()
	service := "/roster/" + w.pick(randomNamespaces...) + "/" + w.pick(randomServices...)
	key := service + "/" + w.pick("i", "j", "_policy", "_status/i", "_new/i", "I", "i/j")
	switch w.IntN(10) {
	case 0, 1, 2:
		w.store.kv.Delete(key, service+"/i")
		return "deleted " + key
	case 3:
		if len(w.leases) > 0 {
			w.store.kv.Expire(w.leases[w.IntN(len(w.leases))])
		}
		return "expired a lease"
	case 4:
		s, err := w.client.GetService(t.Context(), service[len("/roster/"):])
		return fmt.Sprintf("got %v, %v", s, err)
	case 5:
		policy := w.pick(randomPolicies...)
		w.store.kv.Put(service+"/_policy", policy, 0)
		return "put a policy of " + service + ": " + policy
	default:
		value, lease := w.pick(randomInstances...), int64(0)
		if w.IntN(2) == 0 {
			var err error
			if lease, _, err = w.store.kv.Grant(t.Context(), time.Duration(1+w.IntN(60))*time.Minute); err != nil {
				t.Fatal(err)
			}
			w.leases = append(w.leases, lease)
		}
		w.store.kv.Put(key, value, lease)
		return fmt.Sprintf("put %s = %s under lease %d", key, value, lease)
	}
}

// TestWatchListIsList: whatever is written, and whatever else the client follows, what
// WatchList has is what List returns, once all is quiet.
func TestWatchListIsList(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { watchListIsList(t, seed) })
		})
	}
}

func watchListIsList(t *testing.T, seed uint64) {
	store := NewStore()
	client, err := registrar.Open(t.Context(), Name, WithStore(store), registrar.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{Rand: rand.New(rand.NewPCG(seed, seed)), store: store, client: client}
	l := &lists{client: client, names: map[string][]string{}, errs: map[string]error{}}
	for _, namespace := range []string{"a", "a-b", ""} {
		l.follow(ctx, namespace)
	}
	for range 200 {
		away := w.IntN(20) == 0
		if away {
			store.SetState(Unavailable)
		}
		var done []string
		for range 1 + w.IntN(4) {
			done = append(done, w.change(t))
		}
		if away {
			time.Sleep(time.Minute)
			store.SetState(Up)
		}
		if w.IntN(20) == 0 {
			time.Sleep(20 * time.Minute) // what nobody asks for is dropped
		}
		time.Sleep(2 * keepLast) // and what follows a failure is done
		synctest.Wait()
		l.check(t, fmt.Sprintf("after %q", done))
	}
	cancel()
	l.running.Wait()
	if err := client.Close(); err != nil && !errors.Is(err, registrar.ErrClosed) {
		t.Error(err)
	}
	for _, lease := range w.leases {
		store.kv.Expire(lease) // ends its timer
	}
}
