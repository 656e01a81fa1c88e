package command

import (
	"context"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// How long a command that fails is left alone: what it needs may be starting just now,
// and may be broken for long.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// Runner does something for the newest of its inputs, once at a time, and again after a
// pause where that fails. While it is at work only the newest input waits.
type Runner[T any] struct {
	do     func(context.Context, T) error
	failed func(err error, pause time.Duration)

	newest chan T
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewRunner returns a runner of do. Its failures are passed to failed, with how long it
// is until the next try. Both are called by one goroutine, which ends with Close; the
// context of do then is done.
func NewRunner[T any](ctx context.Context, do func(context.Context, T) error, failed func(err error, pause time.Duration)) *Runner[T] {
	r := &Runner[T]{do: do, failed: failed, newest: make(chan T, 1)}
	ctx, r.cancel = context.WithCancel(ctx) //nolint:gosec // Close calls it
	r.done.Go(func() { r.run(ctx) })
	return r
}

// Submit takes an input, in place of one that waits. It doesn't block, and is called by
// one goroutine.
func (r *Runner[T]) Submit(input T) {
	select {
	case <-r.newest:
	default:
	}
	r.newest <- input
}

// Close ends what is under way and waits for that.
func (r *Runner[T]) Close() {
	r.cancel()
	r.done.Wait()
}

func (r *Runner[T]) run(ctx context.Context) {
	pauses := backoff.New(firstPause, lastPause)
	var again <-chan time.Time // set after a failure
	var input T
	for {
		select {
		case input = <-r.newest:
		case <-again:
		case <-ctx.Done():
			return
		}
		err := r.do(ctx, input)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			again = nil
			pauses.Reset()
		default:
			pause := pauses.Next()
			r.failed(err, pause)
			again = time.After(pause)
		}
	}
}
