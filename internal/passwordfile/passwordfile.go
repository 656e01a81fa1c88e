// Package passwordfile reads a password from a file that holds nothing else.
package passwordfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxPassword is far more than any password that etcd is given.
const maxPassword = 4 << 10

// Read returns the password in a file. A line break at its end, as editors leave it,
// is not part of the password. Errors name the file, and nothing of what it holds.
func Read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPassword+int64(len("\r\n"))+1))
	if err != nil {
		return "", err
	}
	password, err := parse(data)
	if err != nil {
		return "", fmt.Errorf("file %q %w", path, err)
	}
	return password, nil
}

func parse(data []byte) (string, error) {
	data = bytes.TrimSuffix(data, []byte("\n"))
	data = bytes.TrimSuffix(data, []byte("\r"))
	switch {
	case len(data) == 0:
		return "", errors.New("is empty")
	case len(data) > maxPassword, bytes.ContainsAny(data, "\r\n"):
		return "", errors.New("must hold one line, the password alone")
	}
	return string(data), nil
}
