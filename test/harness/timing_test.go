package harness_test

import (
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// judged is a test of a test, which notes whether it failed.
type judged struct {
	testing.TB
	failed bool
}

func (j *judged) Errorf(string, ...any) { j.failed = true }

func (j *judged) Fatalf(string, ...any) { j.failed = true }

// TestBounds shows that bounds are judged in the build for that, and only there.
func TestBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		do   func(t testing.TB)
		want bool
	}{
		"in time": {func(t testing.TB) { harness.Within(t, "it", time.Second, time.Second) }, false},
		"late":    {func(t testing.TB) { harness.Within(t, "it", time.Second+1, time.Second) }, harness.Timing},
		"awaited in time": {func(t testing.TB) {
			harness.Eventually(t, time.Second, "it", func() error { return nil })
		}, false},
		"awaited late": {func(t testing.TB) {
			start := time.Now()
			harness.Eventually(t, time.Millisecond, "it", func() error { return harness.True(time.Since(start) > 100*time.Millisecond) })
		}, harness.Timing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &judged{TB: t}
			test.do(j)
			if j.failed != test.want {
				t.Errorf("failed: %v, want %v", j.failed, test.want)
			}
		})
	}
}
