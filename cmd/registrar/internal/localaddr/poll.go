package localaddr

import (
	"context"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// pollEvery is how often addresses are looked at where the kernel doesn't tell of changes:
// soon enough for a lease of DHCP, and no load.
const pollEvery = 10 * time.Second

// poll is a Watch where the kernel doesn't tell.
func poll(ctx context.Context, changed func()) {
	changed()
	for backoff.Sleep(ctx, pollEvery) == nil {
		changed()
	}
}
