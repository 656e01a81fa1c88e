package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
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

// runUntilSignal runs do until a signal ends its context; a second one doesn't wait for it.
func runUntilSignal(ctx context.Context, signals func() (<-chan os.Signal, func()), do func(context.Context) error) error {
	received, stop := signals()
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	select {
	case err := <-done:
		return err
	case <-received:
		cancel()
	}
	select {
	case err := <-done:
		return err
	case s := <-received:
		return endedBy(s)
	}
}

// endedBy returns the error of a command that a signal ends at once.
func endedBy(s os.Signal) error {
	number, ok := s.(syscall.Signal)
	if !ok {
		return fmt.Errorf("stopped by a second signal (%v)", s)
	}
	return signalled(number)
}
