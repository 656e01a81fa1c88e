package process

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Find returns the full path of a program that Start can start in any folder.
func Find(program string) (string, error) {
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
