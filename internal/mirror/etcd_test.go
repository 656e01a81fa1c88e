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
)

// wireEtcd speaks as much of etcd's protocol as an Etcd source uses.
type wireEtcd struct {
	pb.UnimplementedKVServer
	pb.UnimplementedWatchServer

	keys    []string // in order; each is at modRevision 5
	chunk   int      // keys per chunk or page
	streams bool     // RangeStream is there, as in etcd 3.7

	mu      sync.Mutex
	fail    error // after the first chunk or page
	ranges  []*pb.RangeRequest
	leaders []bool // whether each request demanded a leader
	watches []*pb.WatchCreateRequest
	asked   int // progress requests on a stream with a watch
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
		if key >= string(r.Key) && key < string(r.RangeEnd) {
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

// Watch implements pb.WatchServer: it answers requests for progress.
func (e *wireEtcd) Watch(stream grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]) error {
	watching := false
	for {
		req, err := stream.Recv()
		if err != nil {
			return nil //nolint:nilerr // the client has gone
		}
		resp := &pb.WatchResponse{Header: &pb.ResponseHeader{ClusterId: wireCluster, Revision: wireRevision}}
		e.mu.Lock()
		switch {
		case req.GetCreateRequest() != nil:
			e.watches = append(e.watches, req.GetCreateRequest())
			resp.Created, watching = true, true
		case req.GetProgressRequest() != nil && watching:
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
func (e *wireEtcd) serve(t *testing.T) Etcd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterKVServer(server, e)
	pb.RegisterWatchServer(server, e)
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) })
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"http://" + l.Addr().String()}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		server.Stop()
		wg.Wait()
	})
	return Etcd{Clients: oneClient{client}}
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

// TestEtcdListAt lists a revision of the past.
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
		source := Etcd{Clients: noClient{}}
		if _, err := source.List(t.Context(), "/r/", 0, nil); !errors.Is(err, errDown) {
			t.Errorf("List: %v", err)
		}
		if _, err := source.Probe(t.Context(), "/r/"); !errors.Is(err, errDown) {
			t.Errorf("Probe: %v", err)
		}
		if _, err := source.Census(t.Context(), "/r/", 1); !errors.Is(err, errDown) {
			t.Errorf("Census: %v", err)
		}
		if _, err := source.Watch(t.Context(), "/r/", 1); !errors.Is(err, errDown) {
			t.Errorf("Watch: %v", err)
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

func TestEtcdCensus(t *testing.T) {
	t.Parallel()
	e := &wireEtcd{keys: append(numbered(8), "/r/n0/other"), chunk: 3}
	source := e.serve(t)
	for i, newer := range []bool{true, false} {
		since := int64(4 + i)
		census, err := source.Census(t.Context(), "/r/n/", since)
		if want := (Census{Head{wireCluster, wireRevision + int64(i)}, 8, newer}); err != nil || census != want {
			t.Errorf("since %d: %+v, error %v, want %+v, nil", since, census, err, want)
		}
		if r := e.ranges[i]; r.Serializable || !r.KeysOnly || r.Limit != 1 || !e.leaders[i] {
			t.Errorf("request %v (leader demanded: %v), want a linearizable one without values", r, e.leaders[i])
		}
	}
}

// TestEtcdWatch checks where watches start, that each has its own stream, and
// that a request for progress is made on the stream of its watch.
func TestEtcdWatch(t *testing.T) {
	t.Parallel()
	e := &wireEtcd{}
	source := e.serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i := range 2 {
		w, err := source.Watch(ctx, "/r/n/", wireRevision)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if created := <-w.Responses(); !created.Created {
			t.Errorf("first response %+v, want that the watch was created", created)
		}
		if err := w.RequestProgress(ctx); err != nil {
			t.Fatal(err)
		}
		select {
		case resp := <-w.Responses():
			if !resp.IsProgressNotify() || resp.Header.Revision != wireRevision {
				t.Errorf("response %+v, want progress at %d", resp, wireRevision)
			}
		case <-ctx.Done():
			t.Fatal("no progress")
		}
		e.mu.Lock()
		r := e.watches[i]
		if r.StartRevision != wireRevision || string(r.Key) != "/r/n/" || !bytes.Equal(r.RangeEnd, []byte("/r/n0")) {
			t.Errorf("watch %v, want one of /r/n/ from %d", r, wireRevision)
		}
		if e.asked != i+1 {
			t.Errorf("%d progress requests beside a watch, want %d", e.asked, i+1)
		}
		e.mu.Unlock()
	}
	w, err := source.Watch(ctx, "/r/n/", wireRevision)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	for {
		select {
		case _, ok := <-w.Responses():
			if ok {
				continue
			}
		case <-ctx.Done():
			t.Fatal("a closed watch goes on")
		}
		break
	}
}
