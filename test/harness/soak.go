package harness

import (
	"os"
	"testing"
	"time"
)

// soakEnv holds how long the faults of a soak last, as Go writes durations.
const soakEnv = "ROSTER_SOAK"

// Soaking reports whether this is a soak.
func Soaking() bool { return os.Getenv(soakEnv) != "" }

// Soak returns how long each fault lasts in a soak, and whether this is one.
func Soak(t testing.TB) (time.Duration, bool) {
	t.Helper()
	value := os.Getenv(soakEnv)
	if value == "" {
		return 0, false
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		t.Fatalf("%s=%q is not a duration such as 30m", soakEnv, value)
	}
	return d, true
}

// FaultTime is how long a fault lasts: the short time, or a soak's.
func FaultTime(t testing.TB, short time.Duration) time.Duration {
	t.Helper()
	if d, ok := Soak(t); ok {
		return d
	}
	return short
}

// Elapse returns when d has gone by, or the test has ended: for what takes its
// time by nature, such as an outage. What is awaited is polled by Eventually.
func Elapse(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
