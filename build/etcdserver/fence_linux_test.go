package etcdserver

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFenceLeavesReusedDescriptor has the number of a descriptor come to stand for another file before it is detached.
func TestFenceLeavesReusedDescriptor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(name string) *os.File {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	log, other := open("log"), open("other")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := func(file *os.File) int { return int(file.Fd()) }

	if err := detach(fd(other), fd(null), log.Name()); err != nil {
		t.Error(err)
	}
	if err := replace(fd(other), fd(log), fd(null)); err != nil { // as if it had changed hands later
		t.Error(err)
	}
	if _, err := other.WriteString("x"); err != nil {
		t.Errorf("another's file: %v", err)
	}
	if err := detach(fd(log), fd(null), log.Name()); err != nil {
		t.Error(err)
	}
	if _, err := log.WriteString("x"); err == nil {
		t.Error("etcd's file is written")
	}
	const neverOpen = 1 << 20
	if err := detach(neverOpen, fd(null), log.Name()); err != nil {
		t.Errorf("a descriptor that was closed: %v", err)
	}
}
