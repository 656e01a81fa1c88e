package e2e_test

import (
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// TestClusterWithoutQuorum starts one server of three: it can't serve, and still
// ends when it is told to.
func TestClusterWithoutQuorum(t *testing.T) {
	t.Parallel()
	c := harness.NewServers(t, 3)
	alone := c.Members[0]
	alone.Launch(t, c.Corefiles[0])
	alone.WaitServing(t)
	if code := alone.Stop(t); code != 0 {
		t.Errorf("coredns: exit code %d on TERM, want 0", code)
	}
}
