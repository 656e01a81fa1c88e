package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// TestDiskFails has each call of a write fail in turn. Until the new file has
// its name, the former one stays, and nothing else.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	isFolder := func(f *os.File) bool {
		info, err := f.Stat()
		return err == nil && info.IsDir()
	}
	tests := []struct {
		name     string
		disk     func() disk
		want     error
		advice   string
		replaced bool
	}{
		{"full at once", func() disk { return limited(0, syscall.ENOSPC) }, syscall.ENOSPC, "make room", false},
		{"full half-way", func() disk { return limited(5000, syscall.ENOSPC) }, syscall.ENOSPC, "make room", false},
		{"quota", func() disk { return limited(10, syscall.EDQUOT) }, syscall.EDQUOT, "make room", false},
		{"read-only", func() disk { return limited(10, syscall.EROFS) }, syscall.EROFS, "let this process", false},
		{"broken", func() disk { return limited(10, syscall.EIO) }, syscall.EIO, "input/output", false},
		{"file not synced", func() disk {
			d := system
			d.sync = func(*os.File) error { return syscall.EIO }
			return d
		}, syscall.EIO, "input/output", false},
		{"not renamed", func() disk {
			d := system
			d.rename = func(string, string) error { return syscall.EACCES }
			return d
		}, syscall.EACCES, "let this process", false},
		{"folder not synced", func() disk {
			d := system
			d.sync = func(f *os.File) error {
				if isFolder(f) {
					return syscall.EIO
				}
				return f.Sync()
			}
			return d
		}, syscall.EIO, "input/output", true},
		{"folders can't be synced", func() disk {
			d := system
			d.sync = func(f *os.File) error {
				if isFolder(f) {
					return syscall.EINVAL
				}
				return f.Sync()
			}
			return d
		}, nil, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := newFile(t, testHeader(), testEntries())
			newHeader, newEntries := Header{Root: "/new/", Ranges: []Range{}}, largeEntries(3000)
			size, err := tt.disk().snapshot(path, newHeader, slices.Values(newEntries))
			if tt.want == nil {
				if err != nil || size == 0 {
					t.Errorf("size %d, error %v", size, err)
				}
			} else {
				if !errors.Is(err, tt.want) || size != 0 {
					t.Errorf("size %d, error %v, want %v", size, err, tt.want)
				}
				wantError(t, err, nil, path, tt.advice)
			}
			wantFiles(t, filepath.Dir(path), "snapshot")
			if tt.replaced {
				wantSnapshot(t, path, newHeader, newEntries)
			} else {
				wantSnapshot(t, path, testHeader(), testEntries())
			}
		})
	}
}

// TestOrder: what is written is synced under its temporary name, then renamed,
// then the folder is synced. Any other order can lose both files to a power
// failure.
func TestOrder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "snapshot")
	var calls []string
	name := func(path string) string {
		if path == folder {
			return "folder"
		}
		return "temporary file"
	}
	d := disk{
		write: func(f *os.File, p []byte) (int, error) {
			if call := "write " + name(f.Name()); !slices.Contains(calls, call) {
				calls = append(calls, call)
			}
			return f.Write(p)
		},
		sync: func(f *os.File) error {
			calls = append(calls, "sync "+name(f.Name()))
			return f.Sync()
		},
		rename: func(from, to string) error {
			calls = append(calls, fmt.Sprintf("rename %s, right: %t", name(from), to == path))
			return os.Rename(from, to)
		},
	}
	if _, err := d.snapshot(path, testHeader(), slices.Values(testEntries())); err != nil {
		t.Fatal(err)
	}
	want := []string{"write temporary file", "sync temporary file", "rename temporary file, right: true", "sync folder"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}

// TestWriteNowhere are paths that can't be written to. What is there stays.
func TestWriteNowhere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	if err := errors.Join(os.Mkdir(path("folder"), 0o700), os.WriteFile(path("file"), []byte("old"), 0o600), syscall.Mkfifo(path("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	before := files(t, folder)
	tests := []struct {
		name, path string
		kind       error
		want       string
	}{
		{"no folder", path("nothing/snapshot"), fs.ErrNotExist, "make its folder"},
		{"below a file", path("file/snapshot"), syscall.ENOTDIR, "not a directory"},
		{"folder", path("folder"), nil, "no file"},
		{"pipe", path("pipe"), nil, "no file"},
		{"device", os.DevNull, nil, "no file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Write(tt.path, testHeader(), slices.Values(testEntries()))
			wantError(t, err, tt.kind, tt.path, tt.want)
			if got := files(t, folder); !slices.Equal(got, before) {
				t.Errorf("files %q, want %q", got, before)
			}
		})
	}
}

// TestSymbolicLink is replaced; what it points to isn't touched.
func TestSymbolicLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, target := filepath.Join(folder, "snapshot"), filepath.Join(folder, "target")
	if err := errors.Join(os.WriteFile(target, []byte("old"), 0o600), os.Symlink(target, path)); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(path, testHeader(), slices.Values(testEntries())); err != nil {
		t.Fatal(err)
	}
	wantSnapshot(t, path, testHeader(), testEntries())
	if b, err := os.ReadFile(target); err != nil || string(b) != "old" {
		t.Errorf("target holds %q, error %v", b, err)
	}
}

// TestReplacesGarbage: what Open ignores, Write replaces.
func TestReplacesGarbage(t *testing.T) {
	t.Parallel()
	path := put(t, []byte("not a snapshot"))
	if _, err := Write(path, testHeader(), slices.Values(testEntries())); err != nil {
		t.Fatal(err)
	}
	wantSnapshot(t, path, testHeader(), testEntries())
}

// TestLeftovers: those of dead writers to this path are removed, and nothing
// else.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "snapshot")
	others := []string{"other.tmp-1", "snapshot.tmp-", "snapshot.tmp-1a", "snapshot.tmp", "snapshot.old"}
	for _, name := range append([]string{"snapshot.tmp-1", "snapshot.tmp-20"}, others...) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(path+".tmp-3", 0o700), syscall.Mkfifo(path+".tmp-4", 0o600), os.Symlink("other.tmp-1", path+".tmp-5")); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(path, testHeader(), slices.Values(testEntries())); err != nil {
		t.Fatal(err)
	}
	want := append([]string{"snapshot", "snapshot.tmp-3", "snapshot.tmp-4", "snapshot.tmp-5"}, others...)
	slices.Sort(want)
	wantFiles(t, folder, want...)
}

// TestTemporaryFileTaken: a writer whose file another has removed, as in two
// processes with one path, leaves that of the other and says so.
func TestTemporaryFileTaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	other := generation(1)
	_, err := Write(path, testHeader(), func(yield func(Entry) bool) {
		if _, err := Write(path, other, generationSeq(1)); err != nil {
			t.Error(err)
		}
	})
	wantError(t, err, fs.ErrNotExist, path, "another process writes this snapshot too")
	wantGeneration(t, path)
	wantFiles(t, filepath.Dir(path), "snapshot")
}

// TestConcurrentWrites of several writers to one path: each succeeds or is told
// of the others, readers see whole files, and none is left behind.
func TestConcurrentWrites(t *testing.T) {
	t.Parallel()
	const writers, writes = 4, 15
	path := newFile(t, generation(0), generationEntries(0))
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range writes {
				g := int64(1 + w*writes + i)
				if _, err := Write(path, generation(g), slices.Values(generationEntries(g))); err != nil && !errors.Is(err, errTaken) {
					t.Error(err)
				}
				wantGeneration(t, path)
			}
		})
	}
	wg.Wait()
	wantFiles(t, filepath.Dir(path), "snapshot")
}
