package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/rosterdns/roster/internal/etcdclient"
)

// wireEtcd speaks as much of etcd's protocol as an Etcd source uses.
type wireEtcd struct {
	pb.UnimplementedKVServer
	pb.UnimplementedWatchServer

	keys    []string // in order; each is at modRevision 5
	chunk   int      // keys per chunk or page
	streams bool     // RangeStream is there, as in etcd 3.7
	learner bool     // and is refused

	mu      sync.Mutex
	fail    error // after the first chunk or page
	ranges  []*pb.RangeRequest
	leaders []bool // whether each request demanded a leader
	watches []*pb.WatchCreateRequest
	asked   int    // progress requests on a stream with a watch
	refused string // the key of watches that are refused
}

const (
	wireRevision = 7
	wireCluster  = 42
)

func (e *wireEtcd) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fail
}

func (e *wireEtcd) note(ctx context.Context, r *pb.RangeRequest) {
	md, _ := metadata.FromIncomingContext(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ranges = append(e.ranges, r)
	e.leaders = append(e.leaders, slices.Equal(md.Get(rpctypes.MetadataRequireLeaderKey), []string{rpctypes.MetadataHasLeader}))
}

func (e *wireEtcd) in(r *pb.RangeRequest) (kvs []*mvccpb.KeyValue) {
	for _, key := range e.keys {
		if key >= string(r.Key) && key < string(r.RangeEnd) || len(r.RangeEnd) == 0 && key == string(r.Key) {
			kvs = append(kvs, &mvccpb.KeyValue{Key: []byte(key), Value: []byte("v"), ModRevision: 5})
		}
	}
	return kvs
}

// Range implements pb.KVServer with pages of at most chunk keys.
func (e *wireEtcd) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	e.note(ctx, r)
	if err := e.failure(); err != nil && len(e.ranges) > 1 {
		return nil, err
	}
	kvs := e.in(r)
	count := int64(len(kvs))
	if r.MinModRevision > 0 {
		kvs = slices.DeleteFunc(kvs, func(kv *mvccpb.KeyValue) bool { return kv.ModRevision < r.MinModRevision })
	}
	n := min(e.chunk, len(kvs))
	// etcd goes on: the header has the revision of now, not of the page.
	now := int64(wireRevision + len(e.ranges) - 1)
	return &pb.RangeResponse{Header: &pb.ResponseHeader{ClusterId: wireCluster, Revision: now}, Kvs: kvs[:n], More: n < len(kvs), Count: count}, nil
}

// RangeStream implements pb.KVServer; the last chunk alone has a header.
func (e *wireEtcd) RangeStream(r *pb.RangeRequest, stream grpc.ServerStreamingServer[pb.RangeStreamResponse]) error {
	if !e.streams {
		return e.UnimplementedKVServer.RangeStream(r, stream)
	}
	if e.learner {
		return rpctypes.ErrGRPCNotSupportedForLearner
	}
	e.note(stream.Context(), r)
	for kvs := e.in(r); ; {
		n := min(e.chunk, len(kvs))
		resp := &pb.RangeResponse{Kvs: kvs[:n]}
		if kvs = kvs[n:]; len(kvs) == 0 {
			resp.Header = &pb.ResponseHeader{ClusterId: wireCluster, Revision: wireRevision}
		}
		if err := stream.Send(&pb.RangeStreamResponse{RangeResponse: resp}); err != nil {
			return err
		}
		if err := e.failure(); err != nil {
			return err
		}
		if len(kvs) == 0 {
			return nil
		}
	}
}

// Watch implements pb.WatchServer: it creates watches, but for refused ones, and
// answers requests for progress.
func (e *wireEtcd) Watch(stream grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]) error {
	watches := int64(0)
	for {
		req, err := stream.Recv()
		if err != nil {
			return nil //nolint:nilerr // the client has gone
		}
		resp := &pb.WatchResponse{Header: &pb.ResponseHeader{ClusterId: wireCluster, Revision: wireRevision}}
		e.mu.Lock()
		switch create := req.GetCreateRequest(); {
		case create != nil && string(create.Key) == e.refused:
			resp.WatchId, resp.Created, resp.Canceled = -1, true, true
			resp.CancelReason = rpctypes.ErrGRPCPermissionDenied.Error()
		case create != nil:
			e.watches = append(e.watches, create)
			resp.WatchId, resp.Created = watches, true
			watches++
		case req.GetCancelRequest() != nil:
			resp.WatchId, resp.Canceled = req.GetCancelRequest().WatchId, true
		case req.GetProgressRequest() != nil && watches > 0:
			e.asked++
			resp.WatchId = -1 // of all watches
		}
		e.mu.Unlock()
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
}

type oneClient struct{ client *clientv3.Client }

func (c oneClient) Client(context.Context) (*clientv3.Client, error) { return c.client, nil }

type noClient struct{}

func (noClient) Client(context.Context) (*clientv3.Client, error) { return nil, errDown }

// serve starts the server and returns a source that reads it.
func (e *wireEtcd) serve(t *testing.T) Etcd { return serveAll(t, e) }

// serveAll starts servers and returns a source that reads them as one cluster.
func serveAll(t *testing.T, servers ...*wireEtcd) Etcd {
	t.Helper()
	var endpoints []string
	for _, e := range servers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		pb.RegisterKVServer(server, e)
		pb.RegisterWatchServer(server, e)
		var wg sync.WaitGroup
		wg.Go(func() { _ = server.Serve(l) })
		t.Cleanup(func() {
			server.Stop()
			wg.Wait()
		})
		endpoints = append(endpoints, "http://"+l.Addr().String())
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return NewEtcd(oneClient{client})
}

func numbered(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("/r/n/s/i%d", i))
	}
	return keys
}

func TestEtcdList(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		streams bool
		keys    int
		ranges  int // requests it takes, with 3 keys a page
	}{
		{"stream", true, 8, 1},
		{"stream of nothing", true, 0, 1},
		{"pages", false, 8, 3},
		{"full last page", false, 6, 2},
		{"no page", false, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := &wireEtcd{keys: append(numbered(tt.keys), "/r/n0/other"), chunk: 3, streams: tt.streams}
			var got []string
			head, err := e.serve(t).List(t.Context(), "/r/n/", 0, func(kvs []*mvccpb.KeyValue) error {
				for _, kv := range kvs {
					got = append(got, string(kv.Key))
				}
				return nil
			})
			if want := (Head{wireCluster, wireRevision}); err != nil || head != want {
				t.Errorf("%+v, error %v, want %+v, nil", head, err, want)
			}
			if !slices.Equal(got, numbered(tt.keys)) {
				t.Errorf("keys %v, want %d", got, tt.keys)
			}
			if len(e.ranges) != tt.ranges {
				t.Errorf("%d requests, want %d", len(e.ranges), tt.ranges)
			}
			for i, r := range e.ranges {
				if want := int64(min(i, 1) * wireRevision); r.Revision != want {
					t.Errorf("request %d is for revision %d, want %d", i, r.Revision, want)
				}
				if r.Serializable {
					t.Errorf("request %d is not linearizable", i)
				}
				if !e.leaders[i] {
					t.Errorf("request %d demands no leader", i)
				}
			}
		})
	}
}

// TestEtcdListBesideLearner: another member serves what a learner refuses; where
// there is none, the error says so.
func TestEtcdListBesideLearner(t *testing.T) {
	t.Parallel()
	learner, voter := &wireEtcd{streams: true, learner: true}, &wireEtcd{keys: numbered(8), chunk: 3, streams: true}
	source := serveAll(t, learner, voter)
	for range 10 {
		n := 0
		if _, err := source.List(t.Context(), "/r/n/", 0, func(kvs []*mvccpb.KeyValue) error { n += len(kvs); return nil }); err != nil || n != 8 {
			t.Fatalf("%d keys, error %v, want 8", n, err)
		}
	}
	_, err := learner.serve(t).List(t.Context(), "/r/n/", 0, nil)
	if etcdclient.KindOf(err) != etcdclient.MemberRefuses {
		t.Errorf("error %v of a learner alone", err)
	}
}

// TestEtcdListAt lists an old revision.
func TestEtcdListAt(t *testing.T) {
	t.Parallel()
	const at = wireRevision - 1
	for _, streams := range []bool{true, false} {
		e := &wireEtcd{keys: numbered(8), chunk: 3, streams: streams}
		head, err := e.serve(t).List(t.Context(), "/r/n/", at, func([]*mvccpb.KeyValue) error { return nil })
		if want := (Head{wireCluster, at}); err != nil || head != want {
			t.Errorf("streams=%v: %+v, error %v, want %+v, nil", streams, head, err, want)
		}
		for _, r := range e.ranges {
			if r.Revision != at {
				t.Errorf("streams=%v: a request for revision %d, want %d", streams, r.Revision, at)
			}
		}
	}
}

// TestEtcdListShortPages: a list by pages after the first one asks for pages that end at keys
// of that, and finds what has come and gone since.
func TestEtcdListShortPages(t *testing.T) {
	t.Parallel()
	const keys, at = 4 * shortPage, wireRevision - 1
	e := &wireEtcd{keys: slices.Sorted(slices.Values(numbered(keys))), chunk: keys}
	source := e.serve(t)
	list := func() (got []string) {
		t.Helper()
		head, err := source.List(t.Context(), "/r/n/", at, func(kvs []*mvccpb.KeyValue) error {
			if len(e.ranges) > 1 && len(kvs) > 2*shortPage {
				t.Errorf("a page of %d keys", len(kvs))
			}
			for _, kv := range kvs {
				got = append(got, string(kv.Key))
			}
			return nil
		})
		if want := (Head{wireCluster, at}); err != nil || head != want {
			t.Errorf("%+v, error %v, want %+v, nil", head, err, want)
		}
		return got
	}
	if got := list(); !slices.Equal(got, e.keys) || len(e.ranges) != 1 {
		t.Fatalf("%d keys in %d requests, want %d in 1", len(got), len(e.ranges), keys)
	}
	// Without the keys around the first page's end, and with others in the second page.
	e.keys = slices.Delete(e.keys, shortPage-2, shortPage+2)
	for i := range shortPage / 2 {
		e.keys = slices.Insert(e.keys, shortPage+100, fmt.Sprintf("%s-%d", e.keys[shortPage+99], shortPage-i))
	}
	slices.Sort(e.keys)
	if got := list(); !slices.Equal(got, e.keys) || len(e.ranges) != 1+5 {
		t.Errorf("%d keys, want %d; %d requests, want 1 and 5", len(got), len(e.keys), len(e.ranges))
	}
	if got := list(); !slices.Equal(got, e.keys) {
		t.Errorf("%d keys, want %d", len(got), len(e.keys))
	}
	for _, r := range e.ranges {
		if r.Revision != at {
			t.Errorf("a request for revision %d, want %d", r.Revision, at)
		}
	}
}

func TestEtcdListErrors(t *testing.T) {
	t.Parallel()
	errStop := errors.New("enough")
	for _, streams := range []bool{true, false} {
		for _, server := range []error{rpctypes.ErrGRPCCompacted, rpctypes.ErrGRPCPermissionDenied, rpctypes.ErrGRPCCorrupt} {
			t.Run(fmt.Sprintf("streams=%v/%v", streams, rpctypes.Error(server)), func(t *testing.T) {
				t.Parallel()
				e := &wireEtcd{keys: numbered(8), chunk: 3, streams: streams, fail: server}
				_, err := e.serve(t).List(t.Context(), "/r/n/", 0, func([]*mvccpb.KeyValue) error { return nil })
				if !errors.Is(err, rpctypes.Error(server)) {
					t.Errorf("error %v, want %v", err, rpctypes.Error(server))
				}
			})
		}
		t.Run(fmt.Sprintf("streams=%v/caller stops", streams), func(t *testing.T) {
			t.Parallel()
			e := &wireEtcd{keys: numbered(800), chunk: 3, streams: streams}
			calls := 0
			_, err := e.serve(t).List(t.Context(), "/r/n/", 0, func([]*mvccpb.KeyValue) error { calls++; return errStop })
			if !errors.Is(err, errStop) || calls != 1 {
				t.Errorf("error %v after %d calls, want %v after 1", err, calls, errStop)
			}
		})
		t.Run(fmt.Sprintf("streams=%v/cancelled", streams), func(t *testing.T) {
			t.Parallel()
			e := &wireEtcd{keys: numbered(800), chunk: 3, streams: streams}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := e.serve(t).List(ctx, "/r/n/", 0, func([]*mvccpb.KeyValue) error { cancel(); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want %v", err, context.Canceled)
			}
		})
	}
	t.Run("no client", func(t *testing.T) {
		t.Parallel()
		source := NewEtcd(noClient{})
		if _, err := source.List(t.Context(), "/r/", 0, nil); !errors.Is(err, errDown) {
			t.Errorf("List: %v", err)
		}
		if _, err := source.Probe(t.Context(), "/r/"); !errors.Is(err, errDown) {
			t.Errorf("Probe: %v", err)
		}
		if _, err := source.CountSince(t.Context(), "/r/", 1); !errors.Is(err, errDown) {
			t.Errorf("CountSince: %v", err)
		}
		if _, err := source.Stream(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("Stream: %v", err)
		}
	})
}

func TestEtcdProbe(t *testing.T) {
	t.Parallel()
	e := &wireEtcd{keys: numbered(800), chunk: 3}
	head, err := e.serve(t).Probe(t.Context(), "/r/n/")
	if want := (Head{wireCluster, wireRevision}); err != nil || head != want {
		t.Errorf("%+v, error %v, want %+v, nil", head, err, want)
	}
	r := e.ranges[0]
	if string(r.Key) != "/r/n/_probe" || len(r.RangeEnd) > 0 || r.Serializable || !e.leaders[0] {
		t.Errorf("request %v (leader demanded: %v), want a linearizable one of one key in the prefix", r, e.leaders[0])
	}
}

func TestEtcdCountSince(t *testing.T) {
	t.Parallel()
	e := &wireEtcd{keys: append(numbered(8), "/r/n0/other"), chunk: 3}
	source := e.serve(t)
	for i, newer := range []bool{true, false} {
		since := int64(4 + i)
		got, err := source.CountSince(t.Context(), "/r/n/", since)
		if want := (Count{Head{wireCluster, wireRevision + int64(i)}, 8, newer}); err != nil || got != want {
			t.Errorf("since %d: %+v, error %v, want %+v, nil", since, got, err, want)
		}
		if r := e.ranges[i]; r.Serializable || !r.KeysOnly || r.Limit != 1 || !e.leaders[i] {
			t.Errorf("request %v (leader demanded: %v), want a linearizable one without values", r, e.leaders[i])
		}
	}
}

// nextOf returns the next response of a stream.
func nextOf(t *testing.T, s Stream) *pb.WatchResponse {
	t.Helper()
	select {
	case resp, ok := <-s.Responses():
		if !ok {
			t.Fatalf("the stream has ended: %v", s.Err())
		}
		return resp
	case <-time.After(30 * time.Second):
		t.Fatal("no response")
	}
	return nil
}

// TestEtcdStream checks where watches start, that all are on one stream, and
// that responses have the IDs by which the watches were asked for, though etcd
// has others.
func TestEtcdStream(t *testing.T) {
	t.Parallel()
	e := &wireEtcd{refused: "/r/denied/"}
	s, err := e.serve(t).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, rng := range []string{"/r/n/", "/r/denied/", "/r/n/s/a"} {
		if err := s.Add(int64(i+7), rng, wireRevision); err != nil {
			t.Fatal(err)
		}
	}
	for i, refused := range []bool{false, true, false} {
		if resp := nextOf(t, s); resp.WatchId != int64(i+7) || !resp.Created || resp.Canceled != refused {
			t.Errorf("response %v, want that watch %d was created (refused: %v)", resp, i+7, refused)
		}
	}
	if err := s.RequestProgress(); err != nil {
		t.Fatal(err)
	}
	if resp := nextOf(t, s); resp.WatchId != allWatches || resp.Header.Revision != wireRevision {
		t.Errorf("response %v, want progress of all watches at %d", resp, wireRevision)
	}
	for _, id := range []int64{8, 9} { // the refused one is no more
		if err := s.Remove(id); err != nil {
			t.Fatal(err)
		}
	}
	if resp := nextOf(t, s); resp.WatchId != 9 || !resp.Canceled {
		t.Errorf("response %v, want that watch 9 was cancelled", resp)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	want := []*pb.WatchCreateRequest{
		{Key: []byte("/r/n/"), RangeEnd: []byte("/r/n0"), StartRevision: wireRevision},
		{Key: []byte("/r/n/s/a"), StartRevision: wireRevision},
	}
	for i, r := range e.watches {
		if r.StartRevision != wireRevision || !bytes.Equal(r.Key, want[i].Key) || !bytes.Equal(r.RangeEnd, want[i].RangeEnd) {
			t.Errorf("watch %v, want %v", r, want[i])
		}
	}
	if e.asked != 1 {
		t.Errorf("%d progress requests beside watches, want 1", e.asked)
	}
}

// TestEtcdStreamEnds: a closed stream ends.
func TestEtcdStreamEnds(t *testing.T) {
	t.Parallel()
	e := &wireEtcd{}
	s, err := e.serve(t).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for range s.Responses() {
		t.Error("a response of a closed stream")
	}
	if s.Err() == nil {
		t.Error("it doesn't say why it has ended")
	}
}

// TestWireIDsAreForgotten: ranges that come and go on one stream take no memory.
func TestWireIDsAreForgotten(t *testing.T) {
	t.Parallel()
	var w wireIDs
	for id := int64(1); id <= 1000; id++ {
		w.ask(id)
		wire := id - 1
		if at, ok := w.of(id); !ok || at != wire {
			t.Fatalf("watch %d is %d on the wire, want %d", id, at, wire)
		}
		for _, resp := range []*pb.WatchResponse{{WatchId: wire, Created: true}, {WatchId: wire}, {WatchId: wire, Canceled: true}} {
			if !w.translate(resp) || resp.WatchId != id {
				t.Fatalf("watch %d on the wire is %d, want %d", wire, resp.WatchId, id)
			}
		}
	}
	if again := (&pb.WatchResponse{WatchId: 7, Canceled: true}); !w.translate(again) || again.WatchId != 0 {
		t.Errorf("the second end of a watch is that of watch %d", again.WatchId)
	}
	if _, ok := w.of(1); ok || len(w.asked)+len(w.open)+len(w.wire) > 0 {
		t.Errorf("%d, %d and %d watches are remembered that have ended", len(w.asked), len(w.open), len(w.wire))
	}
}

// TestWireIDsOutOfOrder is etcd's gRPC proxy, which says in any order that
// watches were created.
func TestWireIDsOutOfOrder(t *testing.T) {
	t.Parallel()
	var w wireIDs
	for id := range int64(3) {
		w.ask(id + 1)
	}
	for _, wire := range []int64{2, 0, 1} {
		resp := &pb.WatchResponse{WatchId: wire, Created: true}
		if !w.translate(resp) || resp.WatchId != wire+1 {
			t.Errorf("watch %d on the wire is %d, want %d", wire, resp.WatchId, wire+1)
		}
	}
	if w.translate(&pb.WatchResponse{WatchId: 3}) || w.translate(&pb.WatchResponse{Created: true, Canceled: true, WatchId: -1}) {
		t.Error("a watch that nobody asked for")
	}
}
