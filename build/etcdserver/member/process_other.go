//go:build !linux

package member

// nameProcess has nothing to do on this system: the process is named after the file of the program.
func nameProcess() {}

// followParent has nothing to add on this system: standard input ends with the parent.
func followParent(int) error { return nil }
