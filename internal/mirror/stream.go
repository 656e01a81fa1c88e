package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// Watch implements Source. It speaks etcd's protocol itself rather than by
// clientv3's Watcher, which resumes broken streams in silence: a mirror must
// know of each break, since the etcd behind the next stream can be one that was
// restored from a backup. A stream that is opened anew also goes to the next
// endpoint, and gets a new token.
//
// The watch starts at the given revision rather than after it: an idle etcd
// answers progress requests only to watches that have caught up, which one that
// starts in the future has not.
func (e Etcd) Watch(ctx context.Context, prefix string, after int64) (Watch, error) {
	client, err := e.Clients.Client(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	// What changes at one revision comes in one response, of any size.
	stream, err := pb.NewWatchClient(client.ActiveConnection()).Watch(ctx, grpc.MaxCallRecvMsgSize(math.MaxInt32))
	if err == nil {
		err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
			Key: []byte(prefix), RangeEnd: []byte(clientv3.GetPrefixRangeEnd(prefix)), StartRevision: after,
		}}})
	}
	if err != nil && !errors.Is(err, io.EOF) { // which says that Recv has the reason
		cancel()
		return nil, rpctypes.Error(err)
	}
	w := &etcdWatch{stream: stream, cancel: cancel, responses: make(chan clientv3.WatchResponse), done: make(chan struct{})}
	go w.receive(ctx)
	return w, nil
}

type etcdWatch struct {
	stream    pb.Watch_WatchClient
	cancel    context.CancelFunc
	responses chan clientv3.WatchResponse
	err       error         // why it ended; set before responses is closed
	done      chan struct{} // closed when receive has ended
}

// receive passes on what arrives until the stream ends.
func (w *etcdWatch) receive(ctx context.Context) {
	defer close(w.done)
	defer close(w.responses)
	defer w.cancel() // releases the stream
	for {
		resp, err := w.stream.Recv()
		if err != nil {
			w.err = fmt.Errorf("%w: %w", errClosed, rpctypes.Error(err))
			return
		}
		select {
		case w.responses <- response(resp):
		case <-ctx.Done():
			w.err = ctx.Err()
			return
		}
	}
}

func response(resp *pb.WatchResponse) clientv3.WatchResponse {
	return clientv3.WatchResponse{
		Header: resp.Header, Events: resp.Events, CompactRevision: resp.CompactRevision,
		Canceled: resp.Canceled, CancelReason: resp.CancelReason, Created: resp.Created,
	}
}

// cancelled returns why a response ends its watch; nil where it doesn't. etcd
// gives as its reason the whole text of a gRPC error, of which package rpctypes
// knows the description alone.
func cancelled(resp *clientv3.WatchResponse) error {
	r := *resp
	if _, desc, ok := strings.Cut(r.CancelReason, " desc = "); ok {
		r.CancelReason = desc
	}
	return r.Err()
}

// Responses implements Watch.
func (w *etcdWatch) Responses() <-chan clientv3.WatchResponse { return w.responses }

// Err implements Watch.
func (w *etcdWatch) Err() error { return w.err }

// RequestProgress implements Watch. It doesn't wait for the network: a stream
// takes far more such requests than are sent before it is given up.
func (w *etcdWatch) RequestProgress(context.Context) error {
	return w.stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}})
}

// Close implements Watch.
func (w *etcdWatch) Close() {
	w.cancel()
	<-w.done
}
