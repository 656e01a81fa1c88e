package snapshot

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	// writerEnv makes a process of the test binary a writer.
	writerEnv = "ROSTER_TEST_SNAPSHOT_WRITER"
	// writerFile is what it writes, in its working directory.
	writerFile = "snapshot"
)

// generationSize is enough entries for several blocks of compressed data, so
// that a write takes a while.
const generationSize = 3000

// generation is the header of a snapshot that shows by each entry which one it
// is.
func generation(g int64) Header {
	return Header{Root: "/r/", Serial: g, Revision: g, Ranges: []Range{}}
}

func generationEntries(g int64) []Entry { return slices.Collect(generationSeq(g)) }

func generationSeq(g int64) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		random := rand.New(rand.NewPCG(uint64(g), 0))
		for i := range generationSize {
			// Random, so that it doesn't shrink to nothing; the same each time.
			value := fmt.Appendf(nil, "%d of %d, %x", i, g, random.Uint64())
			if !yield(Entry{Key: fmt.Sprintf("%06d", i), Value: value, Revision: g}) {
				return
			}
		}
	}
}

// wantGeneration checks that the file is whole, and returns its generation.
func wantGeneration(t testing.TB, path string) int64 {
	t.Helper()
	h, entries, err := read(path)
	if err != nil {
		t.Error(err)
		return 0
	}
	if len(entries) != generationSize {
		t.Errorf("%d entries, want %d", len(entries), generationSize)
	}
	for i, e := range entries {
		if want := fmt.Sprintf("%d of %d, ", i, h.Revision); !strings.HasPrefix(string(e.Value), want) || e.Revision != h.Revision {
			t.Errorf("entry %q of generation %d holds %q of revision %d", e.Key, h.Revision, e.Value, e.Revision)
			break
		}
	}
	return h.Revision
}

// writeForever writes one generation after the other, starting behind that of
// the file. It tells each one that is done, and each step on the way.
func writeForever(path string) {
	h, _, err := read(path)
	for g := h.Revision + 1; err == nil; g++ {
		steps := 0
		_, err = Write(path, generation(g), func(yield func(Entry) bool) {
			for e := range generationSeq(g) {
				if steps++; steps%50 == 0 {
					fmt.Println("step")
				}
				if !yield(e) {
					return
				}
			}
		})
		if err == nil {
			fmt.Println("done", g)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKill kills processes in the midst of writing. At each time there is a
// whole snapshot, no older than the last one that was reported done, and never
// more leftovers than processes that were killed since the last write.
func TestKill(t *testing.T) {
	t.Parallel()
	const kills = 80
	path := newFile(t, generation(1), generationEntries(1))
	interrupted := 0
	for range kills {
		steps := 1 + rand.IntN(2*generationSize/50) // within two writes
		done := killWriter(t, path, steps)
		got := wantGeneration(t, path)
		if got < done {
			t.Fatalf("generation %d was there, now %d", done, got)
		}
		left := len(files(t, filepath.Dir(path))) - 1
		if left > 1 {
			t.Fatalf("%d leftovers of one process: %q", left, files(t, filepath.Dir(path)))
		}
		interrupted += left
	}
	// Else the test would show nothing. A write is mostly made of steps.
	if interrupted < kills/4 {
		t.Errorf("%d of %d kills interrupted a write", interrupted, kills)
	}
	if _, err := Write(path, generation(1), generationSeq(1)); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, filepath.Dir(path), "snapshot")
}

// killWriter starts a process that writes to path, kills it after a number of
// steps, and returns the last generation that it reported done, 0 if none.
func killWriter(t *testing.T, path string, steps int) int64 {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Dir = filepath.Dir(path)
	cmd.Env = append(os.Environ(), writerEnv+"=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var done int64
	lines := bufio.NewScanner(stdout)
	for seen := 0; lines.Scan(); {
		if g, ok := strings.CutPrefix(lines.Text(), "done "); ok {
			if done, err = strconv.ParseInt(g, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		if seen++; seen == steps {
			if err := cmd.Process.Kill(); err != nil { // and read on: more may be done
				t.Fatal(err)
			}
		}
	}
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return done
}
