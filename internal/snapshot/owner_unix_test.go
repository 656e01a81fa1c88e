//go:build unix

package snapshot

import (
	"io/fs"
	"os"
	"testing"
)

// TestOwner: a file that somebody else could have written is refused.
func TestOwner(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode fs.FileMode
		want string
	}{
		{0o600, ""},
		{0o644, ""},
		{0o620, "its mode is -rw--w----"},
		{0o602, "its mode is -rw-----w-"},
	} {
		path := newFile(t, testHeader(), testEntries())
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := read(path)
		if tt.want == "" {
			if err != nil {
				t.Errorf("mode %v: %v", tt.mode, err)
			}
			continue
		}
		wantError(t, err, nil, path, tt.want)
	}
}

// TestForeignOwner needs root, who alone gives files away; others can't make
// such a file.
func TestForeignOwner(t *testing.T) {
	t.Parallel()
	path := newFile(t, testHeader(), testEntries())
	if err := os.Chown(path, 65534, -1); err != nil {
		if os.Geteuid() == 0 {
			t.Fatal(err)
		}
		return
	}
	_, _, err := read(path)
	wantError(t, err, nil, path, "it belongs to user 65534, and this process runs as user 0")
}
