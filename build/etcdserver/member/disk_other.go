//go:build !(darwin || dragonfly || freebsd || linux)

package member

import "errors"

func diskSpace(string) (free, size uint64, err error) { return 0, 0, errors.ErrUnsupported }
