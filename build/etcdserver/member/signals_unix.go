//go:build unix

package member

import (
	"os/signal"
	"syscall"
)

// ignoreSignals leaves it to the parent what a signal to both means. A parent that is gone shows itself by the end of
// standard input, not by a signal.
func ignoreSignals() {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
}
