//go:build unix

package services

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// cpuTime returns what fn costs: other than time on a clock, it doesn't depend
// on what else the machine does.
func cpuTime(t *testing.T, fn func()) time.Duration {
	t.Helper()
	used := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	before := used()
	fn()
	return used() - before
}

// isLinear checks that what measure returns for 16,000 is about eight times that
// for 2,000: at most half of what it would be if it were the square.
func isLinear(t *testing.T, measure func(n int) time.Duration) {
	t.Helper()
	least := func(n int) time.Duration {
		least := time.Duration(math.MaxInt64)
		for range 3 { // the collector may be at work in the others
			least = min(least, measure(n))
		}
		return least
	}
	if small, large := least(2_000), least(16_000); large > 8*8/2*small {
		t.Errorf("2,000 took %v, 16,000 took %v", small, large)
	}
}

// TestGuardOfALargeMass: what a mass costs is in proportion to it, whether a list
// shows it at once or a watch one by one.
func TestGuardOfALargeMass(t *testing.T) {
	for name, perCommit := range map[string]int{"list": 1 << 20, "watch": 1} {
		t.Run(name, func(t *testing.T) {
			isLinear(t, func(n int) time.Duration { return massTime(t, n, perCommit) })
		})
	}
}

// massTime returns what it costs a guard to hold n instances that expire.
func massTime(t *testing.T, n, perCommit int) time.Duration {
	t.Helper()
	s, sk := newStore(t)
	g := NewGuard(s, GuardConfig{Protect: 1, ProtectFor: 10 * time.Minute, Log: slog.New(slog.NewTextHandler(sk, nil))})
	all := commit{Revision: 1}
	var gone []mirror.Event
	for i := range n {
		k := fmt.Sprintf("n/s%05d/i%06d", i/10, i)
		all.Events = append(all.Events, put(1, k, value(1, "")))
		gone = append(gone, del(2, k))
	}
	apply(g, all)
	took := cpuTime(t, func() {
		for events := range slices.Chunk(gone, perCommit) {
			apply(g, commit{Events: events, Revision: 2})
		}
	})
	if got := g.Protected(); got != n {
		t.Errorf("%d of %d are protected", got, n)
	}
	return took
}

// TestRemovalsAreLinear: what it costs that all instances of one service go is in
// proportion to them, in one commit or in many.
func TestRemovalsAreLinear(t *testing.T) {
	for name, perCommit := range map[string]int{"at once": 1 << 20, "one by one": 1} {
		t.Run(name, func(t *testing.T) {
			isLinear(t, func(n int) time.Duration {
				s, _ := newStore(t)
				all := commit{Revision: 2}
				var gone []mirror.Event
				for i := range n {
					k := fmt.Sprintf("n/s/i%06d", i)
					all.Events = append(all.Events, put(2, k, value(1, "")))
					gone = append(gone, del(3, k))
				}
				apply(s, all)
				return cpuTime(t, func() {
					for events := range slices.Chunk(gone, perCommit) {
						apply(s, commit{Events: events, Revision: 3})
					}
				})
			})
		})
	}
}
