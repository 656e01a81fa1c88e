package rolling_test

import (
	"strings"
	"sync"
	"testing"
)

// restartAll restarts all servers, some at once, and expects that no request fails.
func restartAll(t *testing.T, f *fleet, tr *traffic, atOnce int) {
	t.Helper()
	for first := 0; first < servers; first += atOnce {
		tr.flow()
		var restarts sync.WaitGroup
		for i := first; i < first+atOnce; i++ {
			restarts.Go(func() { f.restart(t, i) })
		}
		restarts.Wait()
	}
	tr.flow()
	tr.check(t)
}

// killAll kills all servers, one after the other, and expects that only those requests fail
// that were in flight on the one that is killed; where the client repeats what it can, of
// these only the others.
func killAll(t *testing.T, f *fleet, tr *traffic, kill func(*testing.T, int), repeats bool) {
	t.Helper()
	lost := 0
	for i := range servers {
		tr.flow()
		for _, failed := range tr.failed() {
			t.Errorf("while all servers are up: %v", failed)
		}
		kill(t, i)
		tr.flow() // while it is still registered
		tr.settle()
		failures := tr.failed()
		lost += len(failures)
		for _, failed := range failures {
			if failed.addr != f.addrs[i] || !failed.open || repeats && failed.again || strings.Contains(failed.err.Error(), "refused") {
				t.Errorf("while %s is killed: %v", f.addrs[i], failed)
			}
		}
		f.revive(t, i)
	}
	tr.flow()
	t.Logf("%d requests were in flight on servers that were killed, and lost", lost)
	tr.check(t)
}
