package render_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/cmd/registrar/internal/render"
)

// write writes a file and checks whether that changed it, and that nothing else is left.
func write(t *testing.T, path, text string, wantChanged bool) {
	t.Helper()
	changed, err := render.WriteFile(path, []byte(text))
	if err != nil || changed != wantChanged {
		t.Fatalf("writing %s: %t, %v, want %t", path, changed, err, wantChanged)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, text)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp")); len(files) > 0 {
		t.Errorf("%q are left", files)
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out.conf")
	write(t, path, "one", true)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "one", false)
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a file with the same text was written again (%v)", err)
	}
	write(t, path, "two", true)
	if after, err := os.Stat(path); err != nil || os.SameFile(before, after) {
		t.Errorf("a file was written in place (%v)", err)
	}
}

// TestWriteFileKeepsMode, whatever the umask.
func TestWriteFileKeepsMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o777} {
		path := filepath.Join(t.TempDir(), "out.conf")
		write(t, path, "one", true)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		write(t, path, "two", true)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("the mode is %v (%v), want %v", info.Mode(), err, mode)
		}
	}
}

func TestWriteFileThroughLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target, link := filepath.Join(folder, "sub", "target"), filepath.Join(folder, "link")
	if err := os.Mkdir(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	write(t, link, "one", true)
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is now %v (%v)", info.Mode(), err)
	}
}

func TestWriteFileFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for path, want := range map[string]string{
		folder:                               "is not a regular file",
		filepath.Join(folder, "none", "out"): "no such file or directory",
	} {
		if _, err := render.WriteFile(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("writing %s: %v, want %s", path, err, want)
		}
	}
}
