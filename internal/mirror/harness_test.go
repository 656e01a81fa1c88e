package mirror

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testRoot   = "/r/"
	testRange  = "n/"
	testPrefix = testRoot + testRange
)

// relist is within what time of a failure that calls for a list there is one.
const relist = retryBase + listSpread

// stored is what a recorder has of a key.
type stored struct {
	value       string
	modRevision int64
	lease       int64
}

// recorder is a View and an Observer that remembers. It fails the test where a
// mirror breaks its word.
type recorder struct {
	Unobserved
	t testing.TB

	start    time.Time
	mu       sync.Mutex
	said     said
	mayFall  bool // the committed revision falls where a range is added
	unread   bool // it is a Background view
	onCommit func(Commit)
}

// said is what a mirror has said.
type said struct {
	keys     map[string]stored
	applied  []string // "+key" and "-key", in order
	revision int64
	commits  []Commit
	backward int // commits with a lower revision
	listed   []Reason
	resumed  []Reason
	audited  []int
	unended  []error // of audits
	failed   []Reason
	errs     []error
	states   []string // "state@time since start"
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{t: t, start: time.Now(), said: said{keys: map[string]stored{}}}
}

// Stage implements View.
func (r *recorder) Stage() Stage { return &recorderStage{r: r} }

// view returns the view that the recorder is.
func (r *recorder) view() View {
	if r.unread {
		return unreadRecorder{r}
	}
	return r
}

// unreadRecorder is a recorder that is a Background view.
type unreadRecorder struct{ *recorder }

// Background implements Background.
func (unreadRecorder) Background() {}

type recorderStage struct {
	r         *recorder
	events    []Event
	committed bool
}

// Apply implements Stage.
func (s *recorderStage) Apply(events []Event) {
	for _, ev := range events {
		ev.Value = bytes.Clone(ev.Value)
		s.events = append(s.events, ev)
	}
}

// Commit implements Stage.
func (s *recorderStage) Commit(c Commit) {
	r := s.r
	r.mu.Lock()
	onCommit := r.onCommit
	r.mu.Unlock()
	if onCommit != nil {
		onCommit(c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.committed {
		r.t.Error("a stage was committed twice")
	}
	s.committed = true
	for _, ev := range s.events {
		if ev.Deleted {
			r.said.applied = append(r.said.applied, "-"+ev.Key)
			delete(r.said.keys, ev.Key)
			continue
		}
		r.said.applied = append(r.said.applied, "+"+ev.Key)
		r.said.keys[ev.Key] = stored{string(ev.Value), ev.ModRevision, ev.Lease}
	}
	r.said.commits = append(r.said.commits, c)
	lower := c.Revision < r.said.revision
	if c.Regressed && !lower || !c.Regressed && lower && !r.mayFall {
		r.t.Errorf("a commit at revision %d after %d says Regressed: %v", c.Revision, r.said.revision, c.Regressed)
	}
	if c.Regressed {
		r.said.backward++
	}
	r.said.revision = c.Revision
}

// Listed implements Observer.
func (r *recorder) Listed(reason Reason, _ int, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.listed = append(r.said.listed, reason)
}

// Resumed implements Observer.
func (r *recorder) Resumed(reason Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.resumed = append(r.said.resumed, reason)
}

// Audited implements Observer.
func (r *recorder) Audited(differences int, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.audited = append(r.said.audited, differences)
}

// AuditFailed implements Observer.
func (r *recorder) AuditFailed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.unended = append(r.said.unended, err)
}

// Failed implements Observer.
func (r *recorder) Failed(reason Reason, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.failed, r.said.errs = append(r.said.failed, reason), append(r.said.errs, err)
}

// StateChanged implements Observer.
func (r *recorder) StateChanged(s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.states = append(r.said.states, fmt.Sprintf("%v@%v", s.State, time.Since(r.start)))
}

// look returns what the mirror has said so far.
func (r *recorder) look() said {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.said
	s.keys = maps.Clone(s.keys)
	return s
}

// take returns what was applied since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	applied := r.said.applied
	r.said.applied = nil
	return applied
}

// rig is a mirror that runs against a fake.
type rig struct {
	*Mirror
	*Range                   // the one that is followed, but in tests of several
	ranges map[string]*Range // these
	rec    *recorder
	t      *testing.T
	f      *fakeEtcd
	stop   func() // ends Run and waits for it

	logged *lockedBuffer
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// take returns the lines since the last call.
func (b *lockedBuffer) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := slices.Collect(strings.Lines(b.buf.String()))
	b.buf.Reset()
	return lines
}

// wantLogged checks that one line for each of want was logged since the last
// check, with all of its words, separated by '|', in it.
func (g *rig) wantLogged(want ...string) {
	g.t.Helper()
	lines := g.logged.take()
	if len(lines) != len(want) {
		g.t.Fatalf("logged %q, want %d lines", lines, len(want))
	}
	for i, words := range want {
		for word := range strings.SplitSeq(words, "|") {
			if !strings.Contains(lines[i], word) {
				g.t.Errorf("line %q lacks %q", lines[i], word)
			}
		}
	}
}

// start runs a mirror until the test is over. It is called inside a bubble.
func start(t *testing.T, f *fakeEtcd) *rig {
	t.Helper()
	return run(t, f, newRecorder(t), func(*Mirror) {}, testRange)
}

// startRestored is start from what another mirror has said.
func startRestored(t *testing.T, f *fakeEtcd, was said, s Status) *rig {
	t.Helper()
	rec := newRecorder(t)
	return run(t, f, rec, func(m *Mirror) {
		if s.State == Unsynced {
			return
		}
		ranges := []RestoredRange{{Range: testRange, Revision: s.Revision, Contact: s.Contact}}
		m.Restore(rec, Head{s.Cluster, s.Revision}, ranges, func(yield func(Event) bool) {
			for _, key := range slices.Sorted(maps.Keys(was.keys)) {
				kv := was.keys[key]
				if !yield(Event{Key: key, Value: []byte(kv.value), ModRevision: kv.modRevision, Lease: kv.lease}) {
					return
				}
			}
		})
	}, testRange)
}

func run(t *testing.T, f *fakeEtcd, rec *recorder, prepare func(*Mirror), names ...string) *rig {
	t.Helper()
	var logged lockedBuffer
	m := New(Config{
		Source: f, Root: testRoot, Observer: rec,
		Log: slog.New(slog.NewTextHandler(&logged, nil)),
	})
	prepare(m)
	ranges := map[string]*Range{}
	for _, rng := range names {
		ranges[rng] = m.Follow(rng, rec.view())
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
	g := &rig{Mirror: m, Range: ranges[testRange], ranges: ranges, rec: rec, t: t, f: f, logged: &logged, stop: func() { cancel(); <-done }}
	t.Cleanup(g.stop)
	synctest.Wait()
	return g
}

// at advances the bubble's clock to a time since the start of the mirror, and
// waits until everything has been said that is to be said then.
func (g *rig) at(d time.Duration) {
	g.t.Helper()
	left := d - time.Since(g.rec.start)
	if left < 0 {
		g.t.Fatalf("%v is over: it is %v", d, time.Since(g.rec.start))
	}
	time.Sleep(left)
	synctest.Wait()
}

// passed advances the clock.
func (g *rig) passed(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (g *rig) wantState(want State) {
	g.t.Helper()
	if got := g.Mirror.Status().State; got != want {
		g.t.Errorf("at %v the state is %v, want %v", time.Since(g.rec.start), got, want)
	}
}

func (g *rig) wantStates(want ...string) {
	g.t.Helper()
	said := g.rec.look()
	if !slices.Equal(said.states, want) {
		g.t.Errorf("states %v, want %v", said.states, want)
	}
}

func (g *rig) wantListed(want ...Reason) {
	g.t.Helper()
	said := g.rec.look()
	if !slices.Equal(said.listed, want) {
		g.t.Errorf("listed for %v, want %v; errors: %v", said.listed, want, said.errs)
	}
}

func (g *rig) wantResumed(want ...Reason) {
	g.t.Helper()
	said := g.rec.look()
	if !slices.Equal(said.resumed, want) {
		g.t.Errorf("resumed for %v, want %v; errors: %v", said.resumed, want, said.errs)
	}
}

func (g *rig) wantAudited(want ...int) {
	g.t.Helper()
	if said := g.rec.look(); !slices.Equal(said.audited, want) {
		g.t.Errorf("audits found %v, want %v", said.audited, want)
	}
}

func (g *rig) wantFailed(want ...Reason) {
	g.t.Helper()
	said := g.rec.look()
	if !slices.Equal(said.failed, want) {
		g.t.Errorf("failed for %v, want %v; errors: %v", said.failed, want, said.errs)
	}
}

// wantApplied compares what was applied since the last look at it.
func (g *rig) wantApplied(want ...string) {
	g.t.Helper()
	if got := g.rec.take(); !slices.Equal(got, want) {
		g.t.Errorf("applied %v, want %v", got, want)
	}
}

// startRanges is start with several ranges.
func startRanges(t *testing.T, f *fakeEtcd, names ...string) *rig {
	t.Helper()
	rec := newRecorder(t)
	rec.mayFall = true
	return run(t, f, rec, func(*Mirror) {}, names...)
}

// follow follows another range.
func (g *rig) follow(rng string) *Range {
	g.ranges[rng] = g.Mirror.Follow(rng, g.rec.view())
	synctest.Wait()
	return g.ranges[rng]
}

// unfollow ends that.
func (g *rig) unfollow(rng string, cache bool) {
	g.Mirror.Unfollow(g.ranges[rng], cache)
	delete(g.ranges, rng)
	synctest.Wait()
}

// wantEqual compares the View with the fake, key by key.
func (g *rig) wantEqual() {
	g.t.Helper()
	if diff := g.diff(); len(diff) > 0 {
		g.t.Errorf("the view differs from etcd:\n%v", diff)
	}
}

func (g *rig) diff() (diff []string) {
	all, revision := g.f.contents(testRoot)
	kvs := slices.DeleteFunc(all, func(kv *mvccpb.KeyValue) bool {
		for rng := range g.ranges {
			if covers(testRoot+rng, string(kv.Key)) {
				return false
			}
		}
		return true
	})
	said := g.rec.look()
	for _, kv := range kvs {
		key := string(kv.Key[len(testRoot):])
		want := stored{string(kv.Value), kv.ModRevision, kv.Lease}
		if got, ok := said.keys[key]; !ok || got != want {
			diff = append(diff, fmt.Sprintf("%s is %+v (present: %v), want %+v", key, got, ok, want))
		}
	}
	index := new(index)
	if c := g.loop.views[g.rec.view()]; c != nil {
		index = c.index
	}
	for key, kv := range said.keys {
		if e, ok := index.Get(indexKey(key)); !ok || e.modRevision != kv.modRevision {
			diff = append(diff, fmt.Sprintf("%s is %+v, in the index %+v (present: %v)", key, kv, e, ok))
		}
	}
	if len(kvs) != len(said.keys) {
		diff = append(diff, fmt.Sprintf("%d keys, want %d: %v", len(said.keys), len(kvs), said.keys))
	}
	if s := g.Mirror.Status(); s.Revision > revision || s.Keys != len(kvs) {
		diff = append(diff, fmt.Sprintf("status says %+v, want revision %d at most and %d keys", s, revision, len(kvs)))
	}
	return diff
}
