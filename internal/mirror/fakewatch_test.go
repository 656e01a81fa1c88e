package mirror

import (
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Watch implements Source.
func (f *fakeEtcd) Watch(ctx context.Context, prefix string, after int64) (Watch, error) {
	f.mu.Lock()
	onWatch := f.onWatch
	f.seen.opened = append(f.seen.opened, time.Now())
	f.mu.Unlock()
	if onWatch != nil {
		if err := onWatch(ctx); err != nil {
			return nil, err
		}
	}
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	w := &fakeWatch{
		f: f, prefix: prefix, next: after, cancel: cancel,
		out: make(chan clientv3.WatchResponse), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	f.watches[w] = struct{}{}
	f.feed()
	go w.pump(ctx)
	return w, nil
}

type fakeWatch struct {
	f      *fakeEtcd
	prefix string
	cancel context.CancelFunc
	out    chan clientv3.WatchResponse
	wake   chan struct{}
	done   chan struct{}

	// Under f.mu:
	next  int64 // the lowest revision not sent yet
	queue []clientv3.WatchResponse
	ended bool
}

func (w *fakeWatch) send(resp clientv3.WatchResponse) {
	w.queue = append(w.queue, resp)
	w.wakeUp()
}

func (w *fakeWatch) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *fakeWatch) pump(ctx context.Context) {
	defer close(w.done)
	defer close(w.out)
	for {
		w.f.mu.Lock()
		queue, ended := w.queue, w.ended
		w.queue = nil
		w.f.mu.Unlock()
		for _, resp := range queue {
			select {
			case w.out <- resp:
			case <-ctx.Done():
				return
			}
		}
		if ended {
			return
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
	}
}

// Responses implements Watch.
func (w *fakeWatch) Responses() <-chan clientv3.WatchResponse { return w.out }

// Err implements Watch.
func (w *fakeWatch) Err() error {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	return w.f.broken
}

// RequestProgress implements Watch.
func (w *fakeWatch) RequestProgress(ctx context.Context) error {
	w.f.mu.Lock()
	onProgress := w.f.onProgress
	w.f.mu.Unlock()
	if onProgress != nil {
		if err := onProgress(ctx); err != nil {
			return err
		}
	}
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if !w.f.deaf {
		w.send(progress(w.f.header()))
		w.next = max(w.next, w.f.revision+1)
	}
	return nil
}

// Close implements Watch.
func (w *fakeWatch) Close() {
	w.cancel()
	<-w.done
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	delete(w.f.watches, w)
}

// progress is a response that says how far a watch is.
func progress(h *etcdserverpb.ResponseHeader) clientv3.WatchResponse {
	return clientv3.WatchResponse{Header: h}
}
