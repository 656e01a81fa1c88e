package main

import "context"

// sender returns a function that sends what it is given to a channel, until ctx is done.
func sender[T any](ctx context.Context, c chan<- T) func(T) {
	return func(v T) {
		select {
		case c <- v:
		case <-ctx.Done():
		}
	}
}
