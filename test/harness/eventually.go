package harness

import (
	"errors"
	"testing"
	"time"
)

// pollEvery is how often a condition is looked at: often against the times that
// are measured, and seldom enough to leave a small machine to what it tests.
const pollEvery = 5 * time.Millisecond

// errNotYet is the error of a condition that says no more.
var errNotYet = errors.New("not yet")

// Eventually calls cond until it returns nil, and says how long that took. After
// the bound, or Patience where time is not judged and that is longer, it ends the
// test with cond's last error.
func Eventually(t testing.TB, bound time.Duration, what string, cond func() error) time.Duration {
	t.Helper()
	took, err := Poll(bound, cond)
	if err != nil {
		t.Fatalf("%s: not within %v: %v", what, Limit(bound), err)
	}
	return took
}

// Poll is Eventually with an error in place of the test's end.
func Poll(bound time.Duration, cond func() error) (time.Duration, error) {
	timeout := Limit(bound)
	start := time.Now()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := cond()
		took := time.Since(start)
		if err == nil || took > timeout {
			return took, err
		}
		<-tick.C
	}
}

// True is a condition for Eventually.
func True(ok bool) error {
	if ok {
		return nil
	}
	return errNotYet
}
