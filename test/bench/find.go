package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// find returns the full path of a program, which has other working directories.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil && strings.ContainsRune(program, filepath.Separator) {
		return "", fmt.Errorf("no program %s", program)
	}
	if err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", program)) // of daemons, which a user's PATH lacks
	}
	if err != nil {
		return "", fmt.Errorf("%s is not installed", program)
	}
	return filepath.Abs(path)
}
