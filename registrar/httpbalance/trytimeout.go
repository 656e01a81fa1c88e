package httpbalance

import (
	"context"
	"fmt"
	"time"
)

// startTimeout starts the time that a try has until there is a response. The function
// that it returns ends that, and reports whether it was in time.
func (c *config) startTimeout(cancel context.CancelCauseFunc, addr string) (inTime func() bool) {
	if c.tryTimeout <= 0 {
		return func() bool { return true }
	}
	timer := time.AfterFunc(c.tryTimeout, func() {
		cancel(&timeoutError{addr, c.tryTimeout})
	})
	return timer.Stop
}

// timeoutError says that an instance took longer for a response than a try may take. It
// is a net.Error, so that a *url.Error around it is one.
type timeoutError struct {
	addr  string
	after time.Duration
}

// Error implements error.
func (e *timeoutError) Error() string {
	return fmt.Sprintf("httpbalance: no response of %s within %v", e.addr, e.after)
}

// Timeout implements net.Error.
func (e *timeoutError) Timeout() bool { return true }

// Temporary implements net.Error.
func (e *timeoutError) Temporary() bool { return true }

// Unwrap returns what callers look for.
func (e *timeoutError) Unwrap() error { return context.DeadlineExceeded }
