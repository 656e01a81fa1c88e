//go:build !timing

package harness

import "time"

// Timing says that bounds of time are judged. They aren't here: a machine that is
// busy misses any. The build tag timing judges them.
const Timing = false

// Patience bounds what should happen at once: it ends tests that hang, no others.
const Patience = 2 * time.Minute
