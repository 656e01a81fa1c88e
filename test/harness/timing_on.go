//go:build timing

package harness

import "time"

// Timing says that bounds of time are judged: tests then run one at a time, on a
// machine that does nothing else.
const Timing = true

// Patience bounds what should happen at once and has no bound of its own.
const Patience = 30 * time.Second
