package mirror

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// blackHole is a View that costs nothing.
type blackHole struct{}

func (blackHole) Stage() Stage  { return blackHole{} }
func (blackHole) Apply([]Event) {}
func (blackHole) Commit(Commit) {}

const benchKeys = 100_000

func benchKey(i int) string { return fmt.Sprintf("/r/n/s%03d/i%06d", i%100, i) }

// benchContents returns contents of benchKeys keys, followed by so many ranges.
func benchContents(ranges int) (views, []*Range) {
	v := views{}
	c := v.of(blackHole{})
	for i := range benchKeys {
		kv := &mvccpb.KeyValue{Key: []byte(benchKey(i)), Value: []byte("v"), ModRevision: int64(i)}
		key, _ := below("/r/", kv.Key)
		c.index.Set(key, entryOf(kv))
	}
	all := make([]*Range, 0, ranges)
	for i := range ranges {
		name := "n/"
		if ranges > 1 {
			name = fmt.Sprintf("n/s%03d/", i)
		}
		r := newRange(newContact(), name, blackHole{})
		r.phase, r.watch = watching, &watch{id: int64(i), created: true}
		r.advance(benchKeys)
		c.add(r)
		c.listed(r)
		all = append(all, r)
	}
	return v, all
}

// BenchmarkBatch applies what has arrived while the loop was busy: a thousand
// changes.
func BenchmarkBatch(b *testing.B) {
	const changes = 1000
	for _, ranges := range []int{1, 100} {
		b.Run(fmt.Sprintf("ranges=%d", ranges), func(b *testing.B) {
			v, all := benchContents(ranges)
			s := &session{watches: map[int64]*Range{}, sender: newSender()}
			for _, r := range all {
				s.watches[r.watch.id] = r
			}
			revision := int64(benchKeys)
			b.ReportAllocs()
			for b.Loop() {
				batch := newBatch(s, "/r/", 0, v)
				for i := range changes {
					revision++
					kv := &mvccpb.KeyValue{Key: []byte(benchKey(i)), Value: []byte("w"), ModRevision: revision}
					resp := &pb.WatchResponse{
						Header: &pb.ResponseHeader{Revision: revision}, WatchId: all[i%ranges].watch.id,
						Events: []*mvccpb.Event{{Type: mvccpb.Event_PUT, Kv: kv}},
					}
					if f := batch.response(received{resp, time.Now()}); f.err != nil {
						b.Fatal(f.err)
					}
				}
				for _, c := range v {
					batch.commit(c)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*changes), "ns/change")
		})
	}
}

// BenchmarkList compares a list of 100,000 keys with an index that is empty, or
// has them.
func BenchmarkList(b *testing.B) {
	f := newFake()
	f.pageSize = 10_000
	for i := range benchKeys {
		key := benchKey(i)
		f.revision++
		f.keys[key] = &mvccpb.KeyValue{Key: []byte(key), Value: []byte("v"), ModRevision: f.revision}
	}
	cfg := &Config{Source: f, Root: "/r/", Log: slog.New(slog.DiscardHandler)}
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			in, r := new(index), newRange(newContact(), "n/", blackHole{})
			b.ReportAllocs()
			for b.Loop() {
				if !known {
					in = new(index)
				}
				one := &list{r: r, stage: blackHole{}, compare: newComparison(in.Copy(), r.name), found: newAppender(new(index))}
				one.run(b.Context(), cfg)
				if one.err != nil {
					b.Fatal(one.err)
				}
				one.merge(in)
			}
		})
	}
}
