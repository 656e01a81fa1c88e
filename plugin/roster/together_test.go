//go:build timing

package roster

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWaitTogether checks that blocks wait for their lists at the same time.
func TestWaitTogether(t *testing.T) {
	endpoint := closedPort(t)
	var corefile strings.Builder
	const n = 5
	for i := range n {
		fmt.Fprintf(&corefile, "z%d.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n prefix /p%d\n startup_timeout 1s\n}\n}\n", i, endpoint, i)
	}
	start := time.Now()
	startServer(t, corefile.String())
	if took := time.Since(start); took < time.Second || took > (n-1)*time.Second {
		t.Errorf("%d blocks with 1 s each took %s", n, took)
	}
	if users := poolUsers(); len(users) != n {
		t.Errorf("users of mirrors: %v", users)
	}
}
