//go:build !timing

package etcd_test

import "time"

// Bounds that only end tests that hang: time is judged with the build tag timing.
const (
	firstBound = time.Minute
	atOnce     = time.Minute
)
