//go:build !timing

package etcdclient

// Bounds that only end tests that hang: time is judged with the build tag timing.
const (
	atOnce   = deadline
	endBound = deadline
)
