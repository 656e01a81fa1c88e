//go:build !timing

package registrartest

import "time"

// Bounds that end a suite that hangs, on a machine that is busy.
const (
	deadline   = 2 * time.Minute
	closeBound = deadline
)
