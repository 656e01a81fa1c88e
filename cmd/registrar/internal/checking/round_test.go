package checking

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("etcd is away")

// world is a service, what checks of its instances find, and what is written.
type world struct {
	t    *testing.T
	sets chan *registrar.Service

	mu     sync.Mutex
	broken map[string]bool // instances whose checks fail
	stored map[string]catalog.Status
	away   bool // writes fail
	checks map[string]int
	log    []string
	seen   int
}

// play runs a round with the instances to check in a bubble.
func play(t *testing.T, ids []string, script func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, sets: make(chan *registrar.Service), broken: map[string]bool{},
			stored: map[string]catalog.Status{}, checks: map[string]int{},
		}
		ctx, end := context.WithCancel(t.Context())
		r := Round{
			IDs: ids, Checker: w.checker, Set: w.set,
			Changed: func(id string, r health.Result) { w.note("%s %s", id, r.Status) },
			Failed:  func(id string, err error) { w.note("%s: %v", id, err) },
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.Run(ctx, w.watch(ctx))
		}()
		script(w)
		end()
		<-done
	})
}

// with changes or reads the world.
func (w *world) with(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

func (w *world) note(format string, args ...any) {
	w.with(func() { w.log = append(w.log, fmt.Sprintf(format, args...)) })
}

// watch yields the sets, each after an error as when contact is lost.
func (w *world) watch(ctx context.Context) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		for {
			select {
			case s := <-w.sets:
				if !yield(nil, errAway) || !yield(s, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (w *world) checker(in *registrar.Instance) (*health.Checker, error) {
	id := in.ID
	if id == "unknown" {
		return nil, errors.New("no such port")
	}
	return &health.Checker{Interval: time.Second, Fall: 2, Probe: health.ProbeFunc(func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.checks[id]++
		if w.broken[id] {
			return errors.New("broken")
		}
		return nil
	})}, nil
}

func (w *world) set(_ context.Context, id string, status catalog.Status) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return false, errAway
	}
	before := w.stored[id]
	w.stored[id] = status
	return before != status, nil
}

// show has the round see the instances as they are stored.
func (w *world) show(instances ...registrar.Instance) {
	s := &registrar.Service{Namespace: "default", Name: "db"}
	w.with(func() {
		for _, in := range instances {
			in.Status = w.stored[in.ID]
			in.Normalize()
			s.Instances = append(s.Instances, in)
		}
	})
	w.sets <- s
	synctest.Wait()
}

// said waits, and fails unless it has said exactly the lines since the last call.
func (w *world) said(lines ...string) {
	w.t.Helper()
	time.Sleep(5 * time.Second) // synctest's clock
	synctest.Wait()
	var got []string
	w.with(func() {
		got = slices.Sorted(slices.Values(w.log[w.seen:]))
		w.seen = len(w.log)
	})
	if !slices.Equal(got, lines) {
		w.t.Errorf("it said %q, want %q", got, lines)
	}
}

// count returns how often an instance was checked.
func (w *world) count(id string) (n int) {
	w.with(func() { n = w.checks[id] })
	return n
}

func static(id string) registrar.Instance {
	return registrar.Instance{ID: id, Host: id + ".example.com", Static: true}
}

func TestRoundFollowsChecks(t *testing.T) {
	t.Parallel()
	play(t, nil, func(w *world) {
		w.with(func() { w.stored["a"], w.stored["b"] = catalog.StatusUp, catalog.StatusDown })
		leased := static("leased")
		leased.Static = false
		w.show(static("a"), static("b"), leased)
		w.said("b up")
		w.with(func() { w.broken["a"] = true })
		w.said("a down")
		w.said()
		w.with(func() { w.broken["a"] = false })
		w.said("a up")
		if w.count("leased") > 0 {
			t.Error("an instance was checked that is not static")
		}
	})
}

func TestRoundFollowsInstances(t *testing.T) {
	t.Parallel()
	play(t, []string{"a", "b"}, func(w *world) {
		w.with(func() { w.stored["a"], w.broken["a"], w.broken["b"] = catalog.StatusUp, true, true })
		w.show(static("a"), static("c"))
		w.said("a down")
		w.show(static("a"), static("b"), static("c"))
		w.said("b down")
		w.show(static("b"))
		before := w.count("a")
		w.with(func() { w.broken["b"] = false })
		w.said("b up")
		if a, c := w.count("a"), w.count("c"); a != before || c > 0 {
			t.Errorf("%d checks of what is gone, %d of what was not asked for", a-before, c)
		}
		moved := static("b")
		moved.Host = "b2.example.com"
		w.with(func() { w.broken["b"] = true })
		w.show(moved)
		w.said("b down")
	})
}

// TestRoundCorrects shows that a status that somebody else has written is corrected, and
// that one that says the same is not written.
func TestRoundCorrects(t *testing.T) {
	t.Parallel()
	play(t, nil, func(w *world) {
		w.with(func() { w.stored["a"], w.broken["a"] = catalog.StatusUp, true })
		w.show(static("a"))
		w.said("a down")
		w.with(func() { w.stored["a"] = catalog.StatusUp }) // registered again
		w.show(static("a"))
		w.said("a down")
		w.show(static("a"))
		w.with(func() { w.broken["a"] = false })
		w.said("a up")
		w.show(static("a"))
		w.with(func() { w.stored["a"] = catalog.StatusDown })
		w.show(static("a"))
		w.said("a up")
	})
}

func TestRoundRetries(t *testing.T) {
	t.Parallel()
	play(t, nil, func(w *world) {
		w.with(func() { w.stored["a"], w.broken["a"], w.away = catalog.StatusUp, true, true })
		w.show(static("a"))
		w.said("a: etcd is away")
		w.said()
		w.with(func() { w.away = false })
		time.Sleep(10 * time.Second) // synctest's clock
		w.said("a down")
		w.show(static("unknown"))
		w.said("unknown: no such port")
	})
}

func TestLockKey(t *testing.T) {
	t.Parallel()
	db := catalog.ServiceName{Namespace: "prod", Name: "db"}
	keys := map[string]bool{}
	for _, ids := range [][]string{nil, {"a"}, {"b"}, {"a", "b"}} {
		key := LockKey("/roster", db, ids)
		keys[key] = true
		parsed, err := catalog.ParseKey(strings.TrimPrefix(key, "/roster/"))
		if err != nil || parsed.Kind != catalog.KindReserved {
			t.Errorf("%s is %+v, %v: readers would not ignore it", key, parsed, err)
		}
	}
	if len(keys) != 4 || !keys["/roster/prod/db/_check/all"] {
		t.Errorf("got %q", slices.Sorted(maps.Keys(keys)))
	}
	if a, b := LockKey("/roster", db, []string{"b", "a", "b"}), LockKey("/roster", db, []string{"a", "b"}); a != b {
		t.Errorf("%s and %s differ", a, b)
	}
}

func TestWithStatus(t *testing.T) {
	t.Parallel()
	const up, down = catalog.StatusUp, catalog.StatusDown
	for _, c := range []struct {
		value  string
		status catalog.Status
		want   string
	}{
		{`{"host":"h.example.com","static":true}`, down, `{"host":"h.example.com","static":true,"status":"down"}`},
		{`{"host":"h.example.com","static":true,"status":"down","later":{"a":[1]}}`, up, `{"host":"h.example.com","later":{"a":[1]},"static":true,"status":"up"}`},
		{`{"host":"h.example.com","static":true}`, up, ""},
		{`{"host":"h.example.com","static":true,"status":"down"}`, down, ""},
		{`{"host":"h.example.com","static":true,"status":"draining"}`, up, ""},
		{`{"host":"h.example.com","static":true,"status":"draining"}`, down, ""},
		{`{"host":"h.example.com"}`, down, ""},
		{`{"host":""`, down, ""},
	} {
		if got := string(withStatus("a", []byte(c.value), c.status)); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.value, c.status, got, c.want)
		}
	}
}
