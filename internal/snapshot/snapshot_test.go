package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		writeForEver(path)
	}
	goleak.VerifyTestMain(m)
}

func testHeader() Header {
	contact := time.Date(2026, 1, 2, 15, 4, 5, 600_000_000, time.UTC)
	return Header{
		Cluster: 1<<63 + 7, Root: "/roster/", Serial: 17, Revision: 15,
		Ranges: []Range{{"/roster/a/", 15, contact}, {"/roster/b/", 14, contact.Add(time.Hour)}},
	}
}

func testEntries(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		value := fmt.Sprintf(`{"addresses":["10.0.%d.%d"],"ports":[{"name":"http","port":8080}],"metadata":{"version":"1.2.3","build":"%d"}}`,
			i>>8&255, i&255, i)
		entries[i] = Entry{Key: fmt.Sprintf("a/service-%05d/10-0-%d-%d-8080", i/10, i>>8&255, i&255), Value: []byte(value), Revision: int64(i)}
	}
	return entries
}

// read returns all that a snapshot holds.
func read(path string) (Header, []Entry, error) {
	f, err := Open(path)
	if err != nil {
		return Header{}, nil, err
	}
	defer f.Close()
	var entries []Entry
	for e, err := range f.Entries() {
		if err != nil {
			return Header{}, nil, err
		}
		e.Value = slices.Clone(e.Value)
		entries = append(entries, e)
	}
	return f.Header(), entries, nil
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "snapshot")
			entries := testEntries(n)
			if n > 0 {
				entries[0].Value = []byte{}
				entries[n-1].Key = strings.Repeat("k", 1<<16)
			}
			size, err := Write(path, testHeader(), slices.Values(entries))
			if err != nil {
				t.Fatal(err)
			}
			header, got, err := read(path)
			if err != nil || !reflect.DeepEqual(header, testHeader()) {
				t.Errorf("header %+v, %v, want %+v", header, err, testHeader())
			}
			if !slices.EqualFunc(got, entries, func(a, b Entry) bool {
				return a.Key == b.Key && string(a.Value) == string(b.Value) && a.Revision == b.Revision
			}) {
				t.Errorf("%d entries read, want the %d written", len(got), len(entries))
			}
			info, err := os.Stat(path)
			if err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
				t.Errorf("file %v, %v, want %d bytes for the owner alone", info, err, size)
			}
			wantAlone(t, path)
		})
	}
}

// wantAlone checks that nothing is left beside a snapshot.
func wantAlone(t *testing.T, path string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) > 1 {
		t.Errorf("beside the snapshot: %v, %v", files, err)
	}
}

// TestDamage flips each bit-pattern of each byte, and cuts the file at each
// length: nothing but the whole file is taken.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "snapshot")
	if _, err := Write(path, testHeader(), slices.Values(testEntries(3))); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := read(path); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want ErrCorrupt that names the file", what, err)
		}
	}
	for i := range whole {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			damaged := slices.Clone(whole)
			damaged[i] ^= flip
			check(fmt.Sprintf("byte %d ^ %#x", i, flip), damaged)
		}
	}
	for n := range whole {
		check(fmt.Sprintf("first %d bytes", n), whole[:n])
	}
	check("one byte more", append(slices.Clone(whole), 0))
	check("twice", append(slices.Clone(whole), whole...))
	check("text", []byte("svc.internal {\n\troster\n}\n"))
}

func TestVersionAhead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(path, sealed(append(preamble(version+1), "of the future"...)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrVersion) || errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want ErrVersion", err)
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a folder: %v", err)
	}
}

var errFull = errors.New("no space left")

// fullDisk takes so many bytes, and then fails.
type fullDisk struct {
	output
	left  int
	syncs bool
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errFull
	}
	return d.output.Write(p)
}

func (d *fullDisk) Sync() error {
	if !d.syncs {
		return errFull
	}
	return d.output.Sync()
}

// TestFailedWrite leaves the file as it was, and nothing beside it.
func TestFailedWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	if _, err := Write(path, testHeader(), slices.Values(testEntries(1))); err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]fullDisk{"writing": {left: 100}, "syncing": {left: 1 << 20}} {
		_, err := write(path, testHeader(), slices.Values(testEntries(1000)), func(f *os.File) output { d.output = f; return &d })
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want the disk's error and the path", name, err)
		}
		if _, entries, err := read(path); err != nil || len(entries) != 1 {
			t.Errorf("%s: the old file has %d entries, %v", name, len(entries), err)
		}
		wantAlone(t, path)
	}
	if _, err := Write(filepath.Join(path, "below a file"), testHeader(), none); err == nil {
		t.Error("written below a file")
	}
	for name, h := range map[string]Header{
		"not UTF-8":     {Root: "\xff"},
		"outside":       {Root: "/a/", Ranges: []Range{{Prefix: "/b/"}}},
		"out of order":  {Root: "/", Ranges: []Range{{Prefix: "/b/"}, {Prefix: "/a/"}}},
		"twice":         {Root: "/", Ranges: []Range{{Prefix: "/a/"}, {Prefix: "/a/"}}},
		"negative":      {Root: "/", Serial: -1},
		"negative part": {Root: "/", Ranges: []Range{{Prefix: "/a/", Revision: -1}}},
	} {
		if _, err := Write(path, h, none); err == nil {
			t.Errorf("header that is %s was written", name)
		}
	}
	if _, err := Write(path, testHeader(), slices.Values([]Entry{{Key: "k", Value: make([]byte, maxEntry)}})); err == nil {
		t.Error("an entry beyond the bounds was written")
	}
	wantAlone(t, path)
}

func none(func(Entry) bool) {}

var _ iter.Seq[Entry] = none
