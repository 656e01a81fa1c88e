package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// find returns the full path of a program, which has other working directories.
func find(program string) (string, error) {
	name := program
	if path, err := exec.LookPath(program); err == nil {
		name = path
	} else if strings.ContainsRune(program, filepath.Separator) {
		return "", fmt.Errorf("no program %s", program)
	} else if path, err := exec.LookPath(filepath.Join("/usr/sbin", program)); err == nil {
		name = path // daemons are there, and a user's PATH lacks it
	} else {
		return "", fmt.Errorf("%s is not installed", program)
	}
	return filepath.Abs(name)
}
