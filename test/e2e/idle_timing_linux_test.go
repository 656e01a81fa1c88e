//go:build timing

package e2e_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// settleFor is after what time a registrar has nothing left to do of its start: Go
	// gives memory back to the system in small steps.
	settleFor = 10 * time.Second
	// idleFor is how long the wake-ups of an idle registrar are counted.
	idleFor = 20 * time.Second
	// maxWakeups is how many there may be a second. Measured are 0.7 to 1.1: a keepalive
	// of the lease every 4 to 5 s with a request for progress, their answers, the end of the
	// time for these, gRPC's look at the connection every 10 s, and what one of Go's threads
	// hands to another.
	maxWakeups = 2
)

// TestIdleRegistrar counts how often a registrar wakes that has nothing to do, with one
// instance and with 500. A wake-up is a thread that goes on after it has waited. That of
// Go's monitor is told beside them: it sleeps while all others do, and naps every 20 µs
// while one runs, so that it counts how long they run rather than how often they wake.
func TestIdleRegistrar(t *testing.T) {
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	for _, n := range []int{1, 500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "services.json")
			if err := os.WriteFile(file, []byte(manyServices(n)), 0o600); err != nil {
				t.Fatal(err)
			}
			p := harness.Registrar(t, "register", "--file", file, "--endpoints", e.Endpoints[0])
			p.WaitOutput(t, harness.Patience, "registered ", 1)
			harness.Elapse(t, settleFor)
			before, monitorBefore := voluntarySwitches(t, p.PID())
			harness.Elapse(t, idleFor)
			after, monitorAfter := voluntarySwitches(t, p.PID())
			wakeups, monitor := float64(after-before)/idleFor.Seconds(), float64(monitorAfter-monitorBefore)/idleFor.Seconds()
			t.Logf("%d instances: %.2f wake-ups a second, besides %.2f of Go's monitor", n, wakeups, monitor)
			if wakeups > maxWakeups {
				t.Errorf("%.2f wake-ups a second, want at most %d", wakeups, maxWakeups)
			}
			if code := p.Stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// manyServices is a file of n instances, 50 a service.
func manyServices(n int) string {
	var services []string
	for first := 0; first < n; first += 50 {
		var instances []string
		for i := first; i < min(first+50, n); i++ {
			instances = append(instances, fmt.Sprintf(`{"id":"i%d","addresses":["10.0.%d.%d"],"ports":[{"name":"http","port":8080}]}`, i, i/250, i%250+1))
		}
		services = append(services, fmt.Sprintf(`{"name":"s%d","instances":[%s]}`, first/50, strings.Join(instances, ",")))
	}
	return "[" + strings.Join(services, ",") + "]"
}

// voluntarySwitches returns how often the threads of a Go process have waited so far, and
// how often that of Go's monitor has, which is the first one that Go starts.
func voluntarySwitches(t *testing.T, pid int) (all, monitor int) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(threads, func(a, b os.DirEntry) int { // by number
		return cmp.Or(cmp.Compare(len(a.Name()), len(b.Name())), cmp.Compare(a.Name(), b.Name()))
	})
	for i, thread := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, thread.Name()))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(text), "\nvoluntary_ctxt_switches:")
		n := 0
		if _, err := fmt.Sscan(rest, &n); !found || err != nil {
			t.Fatalf("no switches of thread %s: %v", thread.Name(), err)
		}
		if i == 1 {
			monitor = n
		} else {
			all += n
		}
	}
	return all, monitor
}
