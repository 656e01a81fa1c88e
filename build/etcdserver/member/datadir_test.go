package member

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFirstStart follows a data folder through starts that end early, and one that serves.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := firstStart{dir}
	data := filepath.Join(memberDir(dir), "data")
	exists := func() bool {
		_, err := os.Stat(data)
		return err == nil
	}
	write := func() {
		t.Helper()
		if err := os.WriteFile(data, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := f.begin(); err != nil {
			t.Fatal(err)
		}
		if exists() {
			t.Error("what a start that ended early has written is there")
		}
		write()
	}
	for range 2 {
		if err := f.end(); err != nil {
			t.Fatal(err)
		}
		if err := f.begin(); err != nil {
			t.Fatal(err)
		}
		if !exists() {
			t.Fatal("the data of an etcd that has served is gone")
		}
	}
}
