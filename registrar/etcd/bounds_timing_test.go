//go:build timing

package etcd_test

import "time"

// Bounds of time, which a machine that is busy misses.
const (
	// firstBound bounds the first answer of GetService, which waits for etcd for a second.
	firstBound = 3 * time.Second
	// atOnce bounds what waits for nothing, and the end of a client without contact, which
	// gives up within a second.
	atOnce = 2 * time.Second
)
