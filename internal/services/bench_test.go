package services

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// The registry of the benchmarks: 100,000 instances, ten to a service.
const (
	benchServices  = 10_000
	benchPerName   = 10
	benchInstances = benchServices * benchPerName
)

// benchValue is a typical instance: one address, one named port, two pairs of
// metadata.
func benchValue(i int) []byte {
	return fmt.Appendf(nil, `{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080,"protocol":"tcp"}],"weight":100,"priority":0,`+
		`"metadata":{"version":"1.2.%d","zone":"eu-west-1a"},"status":"up"}`, i>>16&255, i>>8&255, i&255, i%100)
}

func benchKey(i int) string {
	return fmt.Sprintf("default/service-%05d/10-%d-%d-%d-8080", i/benchPerName, i>>16&255, i>>8&255, i&255)
}

// benchEvents is what a mirror tells of a list of the registry, in order of key.
func benchEvents() []mirror.Event {
	events := make([]mirror.Event, 0, benchInstances)
	for i := range benchInstances {
		events = append(events, mirror.Event{Key: benchKey(i), Value: benchValue(i), ModRevision: int64(2 + i), Lease: lease})
	}
	slices.SortFunc(events, func(a, b mirror.Event) int { return strings.Compare(a.Key, b.Key) })
	return events
}

// benchSource is a mirror.Source that lists the registry and nothing more.
type benchSource struct {
	mirror.Source
	kvs []*mvccpb.KeyValue
}

func newBenchSource(events []mirror.Event) benchSource {
	var s benchSource
	for _, ev := range events {
		s.kvs = append(s.kvs, &mvccpb.KeyValue{Key: []byte("/roster/" + ev.Key), Value: ev.Value, ModRevision: ev.ModRevision, Lease: ev.Lease})
	}
	return s
}

// List implements mirror.Source in chunks of about 1 MiB, as etcd streams them.
func (s benchSource) List(_ context.Context, _ string, _ int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	for page := range slices.Chunk(s.kvs, 4000) {
		if err := fn(page); err != nil {
			return mirror.Head{}, err
		}
	}
	return mirror.Head{Revision: 2 + benchInstances}, nil
}

// Stream implements mirror.Source.
func (s benchSource) Stream(ctx context.Context) (mirror.Stream, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// LastError implements mirror.Source.
func (benchSource) LastError() error { return nil }

// mirrored returns a mirror that has had its first list, and its view.
func mirrored(tb testing.TB, source mirror.Source) (*mirror.Mirror, *Store) {
	tb.Helper()
	s, _ := newStore(tb)
	m := mirror.New(mirror.Config{Source: source, Root: "/roster/", Log: slog.New(slog.DiscardHandler)})
	r := m.Follow("", s)
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
	<-r.Listed()
	cancel()
	<-done
	if n := s.Load().Instances(); n != benchInstances {
		tb.Fatalf("%d instances, want %d", n, benchInstances)
	}
	return m, s
}

// listed returns a store that has had its first list, in pages as etcd streams
// them.
func listed(tb testing.TB, events []mirror.Event) *Store {
	tb.Helper()
	s, _ := newStore(tb)
	st := s.Stage()
	for page := range slices.Chunk(events, 4000) {
		st.Apply(page)
	}
	st.Commit(mirror.Commit{Cause: mirror.CauseList, Revision: int64(2 + len(events))})
	if n := s.Load().Instances(); n != len(events) {
		tb.Fatalf("%d instances, want %d", n, len(events))
	}
	return s
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // frees what finalizers and weak pointers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFirstList measures time and memory for each instance of a first list:
// the mirror's index and the view.
func BenchmarkFirstList(b *testing.B) {
	source := newBenchSource(benchEvents())
	var bytes uint64
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		m, s := mirrored(b, source)
		b.StopTimer()
		bytes = heap() - before
		runtime.KeepAlive(m)
		runtime.KeepAlive(s)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchInstances, "ns/instance")
	b.ReportMetric(float64(bytes)/benchInstances, "heap-B/instance")
}

// TestMemoryOfAnInstance bounds what each instance of a list takes in memory, in the
// mirror's index and the store: of a registry of a million that is most of a process.
func TestMemoryOfAnInstance(t *testing.T) { // not parallel: it measures the process's memory
	source := newBenchSource(benchEvents())
	before := heap()
	m, s := mirrored(t, source)
	const bound = 200 // bytes; 165 are measured
	if took := float64(heap()-before) / benchInstances; took > bound {
		t.Errorf("%.0f bytes, want %d", took, bound)
	}
	runtime.KeepAlive(source)
	runtime.KeepAlive(m)
	runtime.KeepAlive(s)
}

// BenchmarkStoreList measures time and memory for each instance of a first list,
// of which the keys are the mirror's.
func BenchmarkStoreList(b *testing.B) {
	events := benchEvents()
	var bytes uint64
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		s := listed(b, events)
		b.StopTimer()
		bytes = heap() - before
		runtime.KeepAlive(s)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchInstances, "ns/instance")
	b.ReportMetric(float64(bytes)/benchInstances, "heap-B/instance")
}

// BenchmarkApplyEvent measures one event in a registry of the size above.
func BenchmarkApplyEvent(b *testing.B) {
	s := listed(b, benchEvents())
	value := benchValue(1)
	b.ReportAllocs()
	revision := int64(2 + benchInstances)
	for b.Loop() {
		revision++
		i := int(revision) * 7919 % benchInstances // a prime, to touch services here and there
		st := s.Stage()
		st.Apply([]mirror.Event{{Key: benchKey(i), Value: value, ModRevision: revision, Lease: lease}})
		st.Commit(mirror.Commit{Revision: revision})
	}
}

// BenchmarkApplyEventIndexed is the same with an index by address, in which each
// event moves an instance.
func BenchmarkApplyEventIndexed(b *testing.B) {
	s := listed(b, benchEvents())
	before := heap()
	s.IndexAddresses()
	perInstance := float64(heap()-before) / benchInstances
	value := benchValue(1)
	b.ReportAllocs()
	revision := int64(2 + benchInstances)
	for b.Loop() {
		revision++
		i := int(revision) * 7919 % benchInstances
		st := s.Stage()
		st.Apply([]mirror.Event{{Key: benchKey(i), Value: value, ModRevision: revision, Lease: lease}})
		st.Commit(mirror.Commit{Revision: revision})
	}
	b.ReportMetric(perInstance, "heap-B/instance")
}

// withoutOdd is a filter that shows every second instance of the benchmarks.
type withoutOdd struct{}

func (withoutOdd) Key() string      { return "odd" }
func (withoutOdd) Report([]Altered) {}

func (withoutOdd) Show(in *catalog.Instance) *catalog.Instance {
	if in.Addresses[0].As4()[3]%2 == 1 {
		return nil
	}
	return in
}

// BenchmarkApplyEventFiltered is BenchmarkApplyEvent with a filter.
func BenchmarkApplyEventFiltered(b *testing.B) {
	s := listed(b, benchEvents())
	s.Filter(withoutOdd{})
	value := benchValue(2)
	b.ReportAllocs()
	revision := int64(2 + benchInstances)
	for b.Loop() {
		revision++
		i := int(revision) * 7919 % benchInstances
		st := s.Stage()
		st.Apply([]mirror.Event{{Key: benchKey(i), Value: value, ModRevision: revision, Lease: lease}})
		st.Commit(mirror.Commit{Revision: revision})
	}
}

// BenchmarkFilter measures how long a filter that begins holds up commits.
func BenchmarkFilter(b *testing.B) {
	for _, indexed := range []bool{false, true} {
		b.Run(fmt.Sprintf("indexed=%v", indexed), func(b *testing.B) {
			s := listed(b, benchEvents())
			if indexed {
				s.IndexAddresses()
			}
			before := heap()
			f := s.Filter(withoutOdd{})
			perInstance := float64(heap()-before) / benchInstances
			f.Close()
			for b.Loop() {
				s.Filter(withoutOdd{}).Close()
			}
			b.ReportMetric(perInstance, "heap-B/instance")
		})
	}
}

// BenchmarkWithAddress measures a look-up, also among edits that wait.
func BenchmarkWithAddress(b *testing.B) {
	s := listed(b, benchEvents())
	s.IndexAddresses()
	for i := range maxWaiting - 1 {
		apply(s, batch(put(int64(1_000_000+i), fmt.Sprintf("default/more/i%d", i), string(benchValue(i)))))
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range s.Load().WithAddress(netip.MustParseAddr("10.0.200.7")) {
			n++
		}
		if n != 1 {
			b.Fatalf("%d instances", n)
		}
	}
}

// hotEvents are what a list of one service with n instances tells.
func hotEvents(n int) []mirror.Event {
	events := make([]mirror.Event, 0, n)
	for i := range n {
		events = append(events, mirror.Event{Key: fmt.Sprintf("default/hot/i%06d", i), Value: benchValue(i), ModRevision: int64(2 + i), Lease: lease})
	}
	return events
}

// BenchmarkCommitOneOf20000 measures one event of a large service.
func BenchmarkCommitOneOf20000(b *testing.B) {
	const instances = 20_000
	events := hotEvents(instances)
	s := listed(b, events)
	b.ReportAllocs()
	revision := int64(2 + instances)
	for b.Loop() {
		revision++
		ev := events[int(revision)*7919%instances]
		ev.Value, ev.ModRevision = benchValue(int(revision)), revision
		st := s.Stage()
		st.Apply([]mirror.Event{ev})
		st.Commit(mirror.Commit{Revision: revision})
	}
}

// BenchmarkRemove80000 measures a service that goes at once.
func BenchmarkRemove80000(b *testing.B) {
	const instances = 80_000
	events := hotEvents(instances)
	gone := make([]mirror.Event, len(events))
	for i := range events {
		gone[i] = mirror.Event{Key: events[i].Key, ModRevision: 2 + instances, Deleted: true}
	}
	for b.Loop() {
		b.StopTimer()
		s := listed(b, events)
		b.StartTimer()
		st := s.Stage()
		st.Apply(gone)
		st.Commit(mirror.Commit{Revision: 2 + instances})
	}
}

// BenchmarkServiceLookup measures what each query does.
func BenchmarkServiceLookup(b *testing.B) {
	s := listed(b, benchEvents())
	b.ReportAllocs()
	for b.Loop() {
		if s.Load().Service("default", "service-04711") == nil {
			b.Fatal("the service is not there")
		}
	}
}

// TestLookupsDoNotAllocate: they are on the path of each query.
func TestLookupsDoNotAllocate(t *testing.T) {
	s, _ := newStore(t)
	apply(s, batch(put(2, "default/orders/a", value(1, "")), put(3, "default/orders/b", value(1, "")),
		put(4, "default/alias/_policy", `{"alias":"default/none","failover":["default/orders"]}`)))
	if n := testing.AllocsPerRun(100, func() {
		svc := s.Load().Service("default", "orders")
		if svc == nil || svc.Instance("b") == nil || svc.Attachment(build) == nil || s.Load().Service("default", "none") != nil ||
			s.Load().Answering(s.Load().Service("default", "alias")) != svc {
			t.Error("lookups fail")
		}
	}); n != 0 {
		t.Errorf("%v allocations per lookup, want none", n)
	}
}
