package e2e_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// lease is the lease time of instances whose process will be killed: short, and
// above etcd's minimum of 2 s.
const lease = 3 * time.Second

// Bounds that the contract sets.
const (
	// visibleBound is how long a new instance may take to be in DNS.
	visibleBound = time.Second
	// unregisterBound is how long an instance may stay in DNS after TERM to its
	// registrar.
	unregisterBound = time.Second
	// expiryBound is how long it may after its registrar was killed: the lease,
	// and 3 s for etcd to revoke it and for DNS to see that.
	expiryBound = lease + 3*time.Second
)

// TestScenario is the main use in every way to run a registry: two instances
// come, one goes in order, and one is killed.
func TestScenario(t *testing.T) {
	t.Parallel()
	for name, start := range systems {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, start(t))
		})
	}
}

func scenario(t *testing.T, s *system) {
	s.agree(t, "orders")
	a := s.register(t, "orders", "a", "127.0.0.1")
	b := s.register(t, "orders", "b", "127.0.0.2")
	took := harness.Eventually(t, harness.Patience, "both in DNS", s.sees(t, "orders", "a", "b"))
	t.Logf("in DNS %v after registrar said registered", took.Round(time.Millisecond))
	harness.Within(t, "showing in DNS what registrar said is registered", took, visibleBound)
	s.agree(t, "orders", "a", "b")

	a.Signal(t, syscall.SIGTERM)
	took = harness.Eventually(t, harness.Patience, "a gone from DNS", s.sees(t, "orders", "b"))
	t.Logf("TERM: gone from DNS after %v", took.Round(time.Millisecond))
	harness.Within(t, "going from DNS after TERM", took, unregisterBound)
	if code := a.Wait(t, harness.Patience); code != 0 {
		t.Errorf("TERM: exit code %d, want 0", code)
	}
	s.agree(t, "orders", "b")

	killed := time.Now()
	b.Kill()
	harness.Eventually(t, harness.Patience, "b gone from DNS", s.sees(t, "orders"))
	took = time.Since(killed)
	t.Logf("kill -9: gone from DNS after %v, with a lease of %v", took.Round(time.Millisecond), lease)
	harness.Within(t, "going from DNS after kill -9", took, expiryBound)
	s.agree(t, "orders")
}
