//go:build !unix

package health

import "os/exec"

// killGroup does nothing: there are no process groups, and the command itself is killed.
func killGroup(*exec.Cmd) {}
