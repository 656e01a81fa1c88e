//go:build !linux

package localaddr

import "context"

// changes is a Watch that calls changed every ten seconds.
func changes(ctx context.Context, changed func()) { poll(ctx, changed) }
