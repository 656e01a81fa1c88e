//go:build !unix

package etcdserver

import (
	"os"
	"os/exec"
)

// isolate has nothing to do on this system, where no process inherits files.
func isolate(*exec.Cmd, *os.File) {}
