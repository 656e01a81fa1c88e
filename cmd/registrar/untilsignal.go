package main

import (
	"context"
	"os"
)

// untilSignal returns a context that is done once a signal comes.
func untilSignal(ctx context.Context, signals func() (<-chan os.Signal, func())) (context.Context, func()) {
	received, stop := signals()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-received:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-done
		stop()
	}
}
