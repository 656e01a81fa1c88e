//go:build !unix

package command

import (
	"os"
	"os/exec"
)

// group leaves it to exec to kill the command: there are no signals to send.
func group(*exec.Cmd) {}

// killGroup has nothing to do.
func killGroup(*os.Process) {}
