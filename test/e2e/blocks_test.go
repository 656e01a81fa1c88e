//go:build timing

package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// TestManyBlocks starts a server of a thousand blocks: it takes at most twice the
// time that it takes with a plugin that does nothing, and half a second. Of three
// starts of each the quickest counts.
func TestManyBlocks(t *testing.T) {
	const blocks, starts, more = 1000, 3, 500 * time.Millisecond
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	quickest := func(plugin string) time.Duration {
		t.Helper()
		var corefile strings.Builder
		for n := range blocks {
			fmt.Fprintf(&corefile, "z%d.internal:{{port \"dns\"}} {\n\tbind 127.0.0.1\n\t%s\n}\n", n, plugin)
		}
		best := harness.Patience
		for range starts {
			c := harness.NewCoreDNS(t)
			start := time.Now()
			c.Launch(t, corefile.String())
			c.WaitServing(t)
			best = min(best, time.Since(start))
			c.Kill()
		}
		return best
	}
	whoami := quickest("whoami")
	roster := quickest("roster {\n\t\tendpoint " + e.Endpoints[0] + "\n\t}")
	t.Logf("%d blocks start in %v, with whoami in %v", blocks, roster, whoami)
	harness.Within(t, "the start", roster, 2*whoami+more)
}
