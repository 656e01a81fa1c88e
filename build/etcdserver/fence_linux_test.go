package etcdserver

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func createFile(t *testing.T, dir string) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func fdOf(file *os.File) int { return int(file.Fd()) }

// TestFenceLeavesReusedDescriptor has the number of a descriptor come to stand for another file before it is detached.
func TestFenceLeavesReusedDescriptor(t *testing.T) {
	t.Parallel()
	log, other := createFile(t, t.TempDir()), createFile(t, t.TempDir())
	files := filepath.Dir(log.Name())
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := detach(fdOf(other), fdOf(null), files); err != nil {
		t.Error(err)
	}
	if err := replace(fdOf(other), fdOf(log), fdOf(null)); err != nil { // as if it had changed hands later
		t.Error(err)
	}
	if _, err := other.WriteString("x"); err != nil {
		t.Errorf("another's file: %v", err)
	}
	if err := detach(fdOf(log), fdOf(null), files); err != nil {
		t.Error(err)
	}
	if _, err := log.WriteString("x"); err == nil {
		t.Error("etcd's file is written")
	}
	const neverOpen = 1 << 20
	if err := detach(neverOpen, fdOf(null), files); err != nil {
		t.Errorf("a descriptor that was closed: %v", err)
	}
}

// TestFenceTakesMovedFiles has etcd rename and remove files while it is fenced, as it does with those of its log.
func TestFenceTakesMovedFiles(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, move := range map[string]func(path string) error{
		"renamed": func(path string) error { return os.Rename(path, path+".wal") },
		"removed": os.Remove,
	} {
		dir := t.TempDir()
		file := createFile(t, dir)
		if err := move(file.Name()); err != nil {
			t.Fatal(err)
		}
		if err := detach(fdOf(file), fdOf(null), dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := file.WriteString("x"); err == nil {
			t.Errorf("%s: etcd's file is written", name)
		}
	}
}

// TestFenceWithoutDescriptors says so where there is none left to look at a socket by. It isn't parallel: it takes them from
// all.
func TestFenceWithoutDescriptors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	addrs := []netip.AddrPort{netip.MustParseAddrPort(listener.Addr().String())}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 1, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	err = shutDown(fdOf(file), addrs)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("got %v, want EMFILE", err)
	}
}
