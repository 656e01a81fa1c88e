//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package snapshot

import (
	"errors"
	"os"
)

// canLock says whether lock can succeed.
const canLock = false

// lock would lock an open file.
func lock(*os.File) error { return errors.ErrUnsupported }
