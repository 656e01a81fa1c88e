//go:build timing

package registrartest

import "time"

const (
	// deadline bounds what a registry takes to show a change.
	deadline = 10 * time.Second
	// closeBound is the contract's two seconds for a Close, and what the machine
	// adds.
	closeBound = 2500 * time.Millisecond
)
