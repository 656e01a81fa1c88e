//go:build !unix

package member

import (
	"os"
	"os/signal"
)

// ignoreSignals leaves it to the parent what Ctrl-C means.
func ignoreSignals() { signal.Ignore(os.Interrupt) }
