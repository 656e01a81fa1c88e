package mirror

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// How much the model test does: a second or so, and the same for a given seed.
const (
	modelSeeds = 50
	modelSteps = 500
)

// TestModel drives an etcd at random through writes and faults, and compares
// the View with it at every quiet point. A seed that fails is printed; add it to
// the list to run it again.
func TestModel(t *testing.T) {
	t.Parallel()
	forSeeds(t, []uint64{
		10914898053552982096, // a stream opens when its list just ceases to be fresh
	}, func(t *testing.T, rng *rand.Rand) {
		f := newFake()
		runModel(t, &model{f: f, rng: rng, g: start(t, f)})
	})
}

// TestModelOfRanges is TestModel with ranges, some within others, that are
// followed, dropped and cached at random.
func TestModelOfRanges(t *testing.T) {
	t.Parallel()
	forSeeds(t, []uint64{
		2433964140569350789,  // a range that covers others is dropped while it is audited
		15991864785220695601, // likewise, before its turn
		11050390153476719920, // a part of a transaction is shown before the whole
		3528546597879168169,  // a list outlasts the stream that has shown changes meanwhile, and its etcd
	}, func(t *testing.T, rng *rand.Rand) {
		f := newFake()
		runModel(t, &model{f: f, rng: rng, g: startRanges(t, f, "n/s0/"), several: true})
	})
}

// TestModelOfBackground is TestModelOfRanges with a view that nobody reads.
func TestModelOfBackground(t *testing.T) {
	t.Parallel()
	forSeeds(t, nil, func(t *testing.T, rng *rand.Rand) {
		f, rec := newFake(), newRecorder(t)
		rec.mayFall, rec.unread = true, true
		runModel(t, &model{f: f, rng: rng, g: run(t, f, rec, func(*Mirror) {}, "n/s0/"), several: true})
	})
}

// forSeeds runs a model with seeds that have failed before, and with others at
// random.
func forSeeds(t *testing.T, seeds []uint64, run func(*testing.T, *rand.Rand)) {
	t.Helper()
	first := rand.Uint64()
	for i := range uint64(modelSeeds) {
		seeds = append(seeds, first+i)
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { run(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func runModel(t *testing.T, m *model) {
	f, rng := m.f, m.rng
	for step := range modelSteps {
		if m.several && rng.IntN(8) == 0 {
			m.stepRanges()
		} else {
			m.step()
		}
		if rng.IntN(20) == 0 {
			m.quiet()
			if len(m.g.ranges) == 0 { // nobody asks etcd
				if keys := m.g.rec.look().keys; len(keys) > 0 {
					t.Fatalf("after step %d (%v): %v without a range", step, m.done, keys)
				}
				continue
			}
			if diff := m.g.diff(); len(diff) > 0 {
				t.Fatalf("after step %d (%v), at revision %d:\n%v", step, m.done, f.revision, diff)
			}
			for name, r := range m.g.ranges {
				if s := r.Status(); s.State != Live || s.Err != nil {
					t.Fatalf("after step %d (%v): %s is %+v", step, m.done, name, s)
				}
			}
			m.g.wantState(Live)
			if m.g.rec.look().revision != f.revision {
				t.Fatalf("after step %d (%v): the view is at revision %d, etcd at %d", step, m.done, m.g.rec.look().revision, f.revision)
			}
			m.done = m.done[:0]
			if t.Failed() {
				return
			}
		}
	}
}

type model struct {
	several bool // ranges
	f       *fakeEtcd
	rng     *rand.Rand
	g       *rig
	cached  []string // to be forgotten at the next quiet point
	restore func()
	release func()   // ends a hang, if there is one
	done    []string // since the last quiet point
}

// step does one thing to etcd.
func (m *model) step() {
	key := fmt.Sprintf("/r/n/s%d/i%d", m.rng.IntN(3), m.rng.IntN(4))
	value := fmt.Sprint(m.rng.Uint32())
	actions := []struct {
		name   string
		weight int
		do     func()
	}{
		{"put", 30, func() { m.f.put(key, value) }},
		{"delete", 15, func() { m.f.delete(key) }},
		{"txn", 5, func() { m.f.txn(map[string]string{key: value, key + "-2": value, "/other": value}) }},
		{"elsewhere", 5, func() { m.f.put("/r/n2/s/i", value) }},
		{"compact", 5, m.f.compact},
		{"deaf", 3, func() { m.f.set(func() { m.f.deaf = true }) }},
		{"hear", 3, func() {
			if m.release == nil {
				m.f.hear()
			}
		}},
		{"hang", 2, func() {
			if m.release == nil {
				m.release = m.f.hang()
			}
		}},
		{"release", 2, m.unhang},
		{"close", 3, func() { m.f.end() }},
		{"cancel", 3, func() { m.f.cancel(&pb.WatchResponse{Header: m.f.header(), Canceled: true}) }},
		{"down", 2, func() { m.f.set(func() { m.f.down = !m.f.down }) }},
		{"disorder", 2, m.disorder},
		{"break lists", 2, m.breakLists},
		{"lose", 2, m.lose},
		{"restart", 2, m.restart},
		{"slow probes", 2, func() { m.f.set(func() { m.f.slow = time.Duration(m.rng.IntN(3000)) * time.Millisecond }) }},
		{"backup", 2, func() { m.restore = m.f.backup() }},
		{"restore", 2, m.restored},
		{"let pass", 25, func() { m.g.passed(time.Duration(m.rng.IntN(4000)) * time.Millisecond) }},
		{"settle", 10, synctest.Wait},
	}
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	n := m.rng.IntN(total)
	for _, a := range actions {
		if n -= a.weight; n < 0 {
			m.done = append(m.done, a.name)
			a.do()
			return
		}
	}
}

// stepRanges does one thing to the ranges.
func (m *model) stepRanges() {
	names := []string{"", "n/", "n/s0/", "n/s1/", "n/s1/i1", "n2/"}
	name := names[m.rng.IntN(len(names))]
	switch r := m.g.ranges[name]; {
	case r == nil:
		m.done = append(m.done, "follow "+name)
		m.g.ranges[name] = m.g.Mirror.Follow(name, m.g.rec.view())
	case m.rng.IntN(2) == 0:
		m.done = append(m.done, "unfollow "+name)
		m.g.Mirror.Unfollow(r, false)
		delete(m.g.ranges, name)
	default:
		m.done = append(m.done, "cache "+name)
		m.g.Mirror.Unfollow(r, true)
		delete(m.g.ranges, name)
		m.cached = append(m.cached, name)
	}
	if m.rng.IntN(3) == 0 {
		synctest.Wait()
	}
}

func (m *model) unhang() {
	if m.release != nil {
		m.release()
		m.release = nil
	}
}

// disorder shows changes again that are long known.
func (m *model) disorder() {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	if len(m.f.history) == 0 {
		return
	}
	old := m.f.history[m.rng.IntN(len(m.f.history))]
	if old.Kv.ModRevision < m.f.revision && strings.HasPrefix(string(old.Kv.Key), testPrefix) {
		for s := range m.f.streams {
			for id := range s.watches {
				s.send(&pb.WatchResponse{Header: m.f.header(), WatchId: id, Events: []*mvccpb.Event{old}})
			}
		}
	}
}

// lose makes watches leave out changes without a word. They break later, as a
// member does that is so wrong.
func (m *model) lose() {
	rng := rand.New(rand.NewPCG(m.rng.Uint64(), 0)) // used under the fake's lock
	m.f.set(func() {
		m.f.onEvents = func(evs []*mvccpb.Event) []*mvccpb.Event {
			return slices.DeleteFunc(evs, func(*mvccpb.Event) bool { return rng.IntN(2) == 0 })
		}
	})
}

// restart replaces the mirror by one that starts from what a snapshot would
// hold.
func (m *model) restart() {
	m.g.stop()
	said, status := m.g.rec.look(), m.g.Mirror.Status()
	if !m.several {
		m.g = startRestored(m.g.t, m.f, said, status)
		return
	}
	names := slices.Collect(maps.Keys(m.g.ranges))
	m.g = startRanges(m.g.t, m.f, names...)
	m.cached = nil
}

// breakLists makes every other page fail, for a while.
func (m *model) breakLists() {
	var pages atomic.Int64 // several lists can be under way
	errs := []error{rpctypes.ErrCompacted, errDown, rpctypes.ErrPermissionDenied}
	m.f.set(func() {
		m.f.onPage = func(context.Context, int) error {
			if n := int(pages.Add(1)); n%2 == 0 {
				return errs[n/2%len(errs)]
			}
			return nil
		}
	})
}

// restored restores the backup, which breaks all connections. The writes that
// follow can overtake the old revision before the mirror looks.
func (m *model) restored() {
	if m.restore == nil {
		return
	}
	// No list outlives the etcd that it began on, and to restore one takes longer
	// than freshList.
	m.g.passed(freshList)
	m.restore()
	m.f.end()
}

// quiet ends all faults and gives the mirror the time in which it must be equal
// to etcd: ten seconds of contact.
func (m *model) quiet() {
	m.unhang()
	for _, name := range m.cached {
		m.g.Mirror.Forget(name)
	}
	m.cached = nil
	lost := false
	m.f.set(func() {
		lost = m.f.onEvents != nil
		m.f.down, m.f.onPage, m.f.slow, m.f.onEvents = false, nil, 0, nil
	})
	m.f.hear()
	if lost {
		m.f.end()
	}
	m.g.passed(10 * time.Second)
}
