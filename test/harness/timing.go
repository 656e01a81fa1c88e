package harness

import (
	"testing"
	"time"
)

// Limit is how long to wait for what has to happen within a bound. Where time is
// not judged, only a test that hangs is to end.
func Limit(bound time.Duration) time.Duration {
	if Timing {
		return bound
	}
	return max(bound, Patience)
}

// Slack is how long something lasts with which a test has to keep up, such as a
// lease that must not run out before all is written: d where time is judged, and
// longer on a machine that is busy.
func Slack(d time.Duration) time.Duration {
	if Timing {
		return d
	}
	return 3 * d
}

// Within fails the test if something took longer than its bound, where time is
// judged.
func Within(t testing.TB, what string, took, bound time.Duration) {
	t.Helper()
	if Timing && took > bound {
		t.Errorf("%s took %v, want at most %v", what, took, bound)
	}
}
