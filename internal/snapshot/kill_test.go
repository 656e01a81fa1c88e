package snapshot

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// writerEnv makes the test binary a program that writes to a path for ever.
const writerEnv = "ROSTER_TEST_SNAPSHOT_WRITER"

// writeForEver writes snapshots whose entries all have the number of the write,
// and prints each once it lasts.
func writeForEver(path string) {
	for n := int64(1); ; n++ {
		entries := testEntries(500)
		for i := range entries {
			entries[i].Revision = n
		}
		if _, err := Write(path, Header{Root: "/", Revision: n}, slices.Values(entries)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// TestKilledWriter kills a process that writes, over and over: the file is whole
// each time, at least as new as what the process knew to be written, and what it
// left behind doesn't pile up.
func TestKilledWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	for round := range 50 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan() // a first one is there
		kill := time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		last := lines.Text()
		for lines.Scan() {
			last = lines.Text()
		}
		kill.Stop()
		_ = cmd.Wait() // killed
		var known int64
		if _, err := fmt.Sscan(last, &known); err != nil {
			t.Fatalf("round %d: the writer said %q", round, last)
		}
		header, entries, err := read(path)
		if err != nil || len(entries) != 500 || header.Revision < known {
			t.Fatalf("round %d: %d entries at %d, %v, want 500 at %d at least", round, len(entries), header.Revision, err, known)
		}
		for _, e := range entries {
			if e.Revision != header.Revision {
				t.Fatalf("round %d: an entry of write %d in that of %d", round, e.Revision, header.Revision)
			}
		}
		if files, _ := os.ReadDir(filepath.Dir(path)); len(files) > 2 {
			t.Fatalf("round %d: %d files", round, len(files))
		}
	}
}

// TestWritersBesideEachOther: the file is always one of theirs.
func TestWritersBesideEachOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	done := make(chan error)
	for w := range 4 {
		go func() {
			var err error
			for i := 0; i < 20 && err == nil; i++ {
				_, err = Write(path, Header{Root: "/", Revision: int64(w)}, slices.Values(testEntries(10+w)))
			}
			done <- err
		}()
	}
	for left := 4; left > 0; {
		select {
		case err := <-done:
			left--
			if err != nil {
				t.Error(err)
			}
		default:
			header, entries, err := read(path)
			if os.IsNotExist(err) || err != nil && left == 4 && header.Root == "" && entries == nil {
				continue // before the first
			}
			if err != nil || len(entries) != 10+int(header.Revision) {
				t.Errorf("%d entries of writer %d, %v", len(entries), header.Revision, err)
			}
		}
	}
	wantAlone(t, path)
}
