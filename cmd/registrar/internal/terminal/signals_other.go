//go:build !unix

package terminal

import "os"

// Signals yields nothing: the size of the terminal is looked at with each draw.
func (s *Screen) Signals() (received <-chan os.Signal, stop func()) { return nil, func() {} }

// Handle has nothing to do.
func (s *Screen) Handle(os.Signal) error { return nil }
