// Package backoff spaces retries: exponentially growing, capped, and jittered,
// so that many processes that lost the same server don't return to it at once.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff yields the pauses between retries. The zero value is not usable; see
// New. It is not safe for concurrent use.
type Backoff struct {
	base, limit time.Duration
	next        time.Duration
}

// New returns a Backoff whose pauses are random within a range that doubles
// from base up to limit.
func New(base, limit time.Duration) *Backoff {
	return &Backoff{base: base, limit: limit, next: base}
}

// Next returns the pause before the next try: between half of the current range
// and all of it. Half at least, so that a server is never hammered; the rest
// random, to spread clients.
func (b *Backoff) Next() time.Duration {
	d := b.next
	b.next = min(2*b.next, b.limit)
	return d/2 + rand.N(d/2+1)
}

// Reset returns to the base, after a success.
func (b *Backoff) Reset() { b.next = b.base }

// Wait pauses for Next, or until ctx is done, whose error it then returns.
func (b *Backoff) Wait(ctx context.Context) error {
	return Sleep(ctx, b.Next())
}

// Sleep pauses for d, or until ctx is done, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
