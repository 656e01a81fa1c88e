//go:build timing

package roster

import "time"

// togetherBound bounds the start of blocks that wait a second each, at the same
// time: it is less than they take one after the other.
const togetherBound = 4 * time.Second
