package mirror

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// Stream implements Source. It speaks etcd's protocol itself rather than by
// clientv3's Watcher, which resumes broken streams in silence, and hands
// progress to each watch's channel: a mirror must know of each break, since the
// etcd behind the next stream can be one that was restored from a backup, and
// must read all watches in the order in which they were sent. A stream that is
// opened anew also goes to the next endpoint, and gets a new token.
func (e Etcd) Stream(ctx context.Context) (Stream, error) {
	client, err := e.Clients.Client(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	// What changes at one revision comes in one response, of any size.
	grpcStream, err := pb.NewWatchClient(client.ActiveConnection()).Watch(ctx, grpc.MaxCallRecvMsgSize(math.MaxInt32))
	if err != nil {
		cancel()
		return nil, rpctypes.Error(err)
	}
	s := &etcdStream{
		grpc: grpcStream, cancel: cancel, responses: make(chan *pb.WatchResponse), done: make(chan struct{}),
	}
	go s.receive(ctx)
	return s, nil
}

// etcdStream is a watch stream of etcd.
type etcdStream struct {
	grpc      pb.Watch_WatchClient
	cancel    context.CancelFunc
	responses chan *pb.WatchResponse
	err       error         // why it ended; set before responses is closed
	done      chan struct{} // closed when receive has ended
	ids       wireIDs
}

// receive passes on what arrives until the stream ends.
func (s *etcdStream) receive(ctx context.Context) {
	defer close(s.done)
	defer close(s.responses)
	defer s.cancel() // releases the stream
	for {
		resp, err := s.grpc.Recv()
		if err != nil {
			s.err = fmt.Errorf("%w: %w", errClosed, rpctypes.Error(err))
			return
		}
		if !s.ids.translate(resp) {
			s.err = fmt.Errorf("%w: it delivered watch %d, which was not requested", errClosed, resp.WatchId)
			return
		}
		select {
		case s.responses <- resp:
		case <-ctx.Done():
			s.err = ctx.Err()
			return
		}
	}
}

// Add implements Stream. The watch starts at the given revision rather than
// after it: an idle etcd answers progress requests only where all watches of a
// stream have caught up, which one that starts in the future has not.
func (s *etcdStream) Add(id int64, rng string, after int64) error {
	s.ids.ask(id)
	create := &pb.WatchCreateRequest{Key: []byte(rng), StartRevision: after}
	if isPrefix(rng) {
		create.RangeEnd = []byte(clientv3.GetPrefixRangeEnd(rng))
	}
	return s.send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: create}})
}

// Remove implements Stream.
func (s *etcdStream) Remove(id int64) error {
	wire, ok := s.ids.of(id)
	if !ok {
		return nil // it was refused
	}
	return s.send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{CancelRequest: &pb.WatchCancelRequest{WatchId: wire}}})
}

// RequestProgress implements Stream.
func (s *etcdStream) RequestProgress() error {
	return s.send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}})
}

func (s *etcdStream) send(req *pb.WatchRequest) error { return rpctypes.Error(s.grpc.Send(req)) }

// Responses implements Stream.
func (s *etcdStream) Responses() <-chan *pb.WatchResponse { return s.responses }

// Err implements Stream.
func (s *etcdStream) Err() error { return s.err }

// Close implements Stream.
func (s *etcdStream) Close() {
	s.cancel()
	<-s.done
}

// wireIDs knows which watch is which on the wire. etcd numbers the watches of a
// stream itself, from 0 and in the order in which they were asked for, without
// those it refuses; so does its gRPC proxy, which ignores IDs that a client
// chooses, and may answer in another order. Watches that have ended are forgotten.
type wireIDs struct {
	mu    sync.Mutex
	first int64   // what the first of asked has on the wire, unless it is refused
	asked []int64 // without an answer; 0 in the place of one that has an answer
	open  map[int64]int64
	wire  map[int64]int64 // the reverse of open
}

// ask notes that a watch is asked for.
func (w *wireIDs) ask(id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, id)
}

// of returns the ID of a watch on the wire.
func (w *wireIDs) of(id int64) (int64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.asked, id); i >= 0 {
		return w.first + int64(i), true
	}
	wire, ok := w.wire[id]
	return wire, ok
}

// translate puts the ID by which a watch was asked for in the place of that on
// the wire; 0, which is no watch's, if it has ended. It reports false where nobody
// has asked for it. A refusal has no ID: it is of the first that has no answer.
func (w *wireIDs) translate(resp *pb.WatchResponse) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	wire := resp.WatchId
	switch {
	case resp.Created && resp.Canceled:
		i := slices.IndexFunc(w.asked, func(id int64) bool { return id != 0 })
		if i < 0 {
			return false
		}
		resp.WatchId = w.asked[i]
		w.asked = slices.Delete(w.asked, i, i+1)
		return true
	case wire == allWatches:
		return true
	case wire < 0 || wire >= w.first+int64(len(w.asked)):
		return false
	}
	id, ok := w.open[wire]
	if !ok {
		id = w.answer(wire)
	}
	if resp.Canceled {
		delete(w.open, wire)
		delete(w.wire, id)
	}
	resp.WatchId = id
	return true
}

// answer notes that a watch has an answer, and returns its ID; 0 if it has ended:
// etcd can say twice that it was cancelled.
func (w *wireIDs) answer(wire int64) (id int64) {
	i := wire - w.first
	if i < 0 || w.asked[i] == 0 {
		return 0
	}
	id, w.asked[i] = w.asked[i], 0
	for len(w.asked) > 0 && w.asked[0] == 0 {
		w.asked = w.asked[1:]
		w.first++
	}
	if w.open == nil {
		w.open, w.wire = map[int64]int64{}, map[int64]int64{}
	}
	w.open[wire], w.wire[id] = id, wire
	return id
}
