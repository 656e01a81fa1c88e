package mirror

import (
	"context"
	"time"
)

// opened is the end of an attempt to open a stream.
type opened struct {
	ctx    context.Context
	cancel context.CancelFunc
	stream Stream
	err    error
}

// open opens a stream. A server that hangs meanwhile must not hang the mirror.
func open(ctx context.Context, source Source) opened {
	ctx, cancel := context.WithCancelCause(ctx)
	stuck := time.AfterFunc(watchSilence, func() { cancel(errSilent) })
	stream, err := source.Stream(ctx)
	if !stuck.Stop() {
		if err == nil {
			stream.Close()
		}
		stream, err = nil, errSilent
	}
	return opened{ctx, func() { cancel(nil) }, stream, err}
}
