//go:build timing

package etcdclient

// Bounds of time, which a machine that is busy misses.
const (
	// atOnce bounds what waits for nothing.
	atOnce = dialTimeout / 2
	// endBound bounds what ends with a context that is over much sooner.
	endBound = dialTimeout
)
