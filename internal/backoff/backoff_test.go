package backoff

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNext checks the range of each pause, and that it is used throughout.
func TestNext(t *testing.T) {
	t.Parallel()
	const base, limit = 100 * time.Millisecond, 700 * time.Millisecond
	ranges := []time.Duration{base, 2 * base, 4 * base, limit, limit, limit}
	low, high := make([]time.Duration, len(ranges)), make([]time.Duration, len(ranges))
	for i := range low {
		low[i] = math.MaxInt64
	}
	b := New(base, limit)
	for range 1000 {
		for i := range ranges {
			d := b.Next()
			low[i], high[i] = min(low[i], d), max(high[i], d)
		}
		b.Reset()
	}
	for i, r := range ranges {
		if low[i] < r/2 || high[i] > r {
			t.Errorf("pause %d was %v to %v, want within %v to %v", i, low[i], high[i], r/2, r)
		}
		// Of 1,000 random ones, none in the outer tenth has odds of 1e-45.
		if low[i] > r/2+r/20 || high[i] < r-r/20 {
			t.Errorf("pause %d was %v to %v only, want all of %v to %v", i, low[i], high[i], r/2, r)
		}
	}
}

func TestNextTiny(t *testing.T) {
	t.Parallel()
	b := New(1, 3)
	for i, limit := range []time.Duration{1, 2, 3, 3} {
		if d := b.Next(); d < 0 || d > limit {
			t.Errorf("pause %d is %v, want at most %v", i, d, limit)
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New(time.Second, 2*time.Second)
		for i, limit := range []time.Duration{time.Second, 2 * time.Second, 2 * time.Second} {
			start := time.Now()
			if err := b.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d < limit/2 || d > limit {
				t.Errorf("wait %d took %v, want %v to %v", i, d, limit/2, limit)
			}
		}
	})
}

func TestSleepEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("took %v, want 1s", d)
		}
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("error %v after %v, want %v at once", err, time.Since(start), context.DeadlineExceeded)
		}
		if err := New(time.Hour, time.Hour).Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: error %v, want %v", err, context.DeadlineExceeded)
		}
	})
}
