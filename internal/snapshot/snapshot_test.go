package snapshot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		header  Header
		entries []Entry
	}{
		{"typical", testHeader(), testEntries()},
		{"nothing", Header{Ranges: []Range{}}, nil},
		{"no entries", testHeader(), nil},
		{"several windows", testHeader(), largeEntries(5000)},
		{"largest entry", testHeader(), []Entry{{Key: "a", Value: []byte(strings.Repeat("x", maxEntry-1))}, {Key: "b", Value: []byte("small again")}}},
		{"largest key", testHeader(), []Entry{{Key: strings.Repeat("k", maxEntry)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := newFile(t, tt.header, tt.entries)
			wantSnapshot(t, path, tt.header, tt.entries)
			wantFiles(t, filepath.Dir(path), "snapshot")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != 0o600 {
				t.Errorf("mode %v, want that of a secret", info.Mode())
			}
		})
	}
}

// TestContact is a time with a monotonic clock and a zone that JSON can't hold.
func TestContact(t *testing.T) {
	t.Parallel()
	for _, contact := range []time.Time{contact, time.Now(), {}} {
		h := Header{Ranges: []Range{{Contact: contact}}}
		given := h.Ranges[0]
		got, _, err := read(newFile(t, h, nil))
		if err != nil {
			t.Fatal(err)
		}
		if c := got.Ranges[0].Contact; !c.Equal(contact) || c.Location() != time.UTC {
			t.Errorf("contact %v, want %v in UTC", c, contact)
		}
		if h.Ranges[0] != given {
			t.Error("Write changed its caller's header")
		}
	}
}

// TestEntriesAgain reads a file twice, interleaved, and breaks off.
func TestEntriesAgain(t *testing.T) {
	t.Parallel()
	want := largeEntries(3000)
	f, err := Open(newFile(t, testHeader(), want))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, err := range f.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	i := 0
	for e, err := range f.Entries() {
		if err != nil || !equalEntries(e, want[i]) {
			t.Fatalf("entry %d is %v, error %v", i, e, err)
		}
		if i++; i%1000 != 0 {
			continue
		}
		inner, err := collect(f.Entries())
		if err != nil {
			t.Fatal(err)
		}
		wantEntries(t, inner, want)
	}
	if i != len(want) {
		t.Errorf("%d entries, want %d", i, len(want))
	}
}

// TestReplacedWhileOpen: a reader keeps what it has opened.
func TestReplacedWhileOpen(t *testing.T) {
	t.Parallel()
	path := newFile(t, testHeader(), testEntries())
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other := Header{Root: "/other/", Ranges: []Range{}}
	if _, err := Write(path, other, slices.Values([]Entry(nil))); err != nil {
		t.Fatal(err)
	}
	got, err := collect(f.Entries())
	if err != nil {
		t.Fatal(err)
	}
	wantEntries(t, got, testEntries())
	wantSnapshot(t, path, other, nil)
}

func TestClose(t *testing.T) {
	t.Parallel()
	path := newFile(t, testHeader(), testEntries())
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	_, err = collect(f.Entries())
	wantError(t, err, fs.ErrClosed, path, "closed") // not ErrCorrupt: the file is well
}

// TestWriteRefuses what could not be read again, or would read differently.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	ranges := func(r ...Range) Header { return Header{Root: "/r/", Ranges: r} }
	tests := []struct {
		name    string
		header  Header
		entries []Entry
		want    string
	}{
		{"revision of entry", Header{}, []Entry{{Key: "a", Revision: -1}}, `revision -1 of key "a"`},
		{"entry too large", Header{}, []Entry{{Key: "ab", Value: make([]byte, maxEntry-1)}}, `key "ab" and its value have 2 and 16777215 bytes`},
		{"root", Header{Root: "\xff/"}, nil, `root "\xff/" is not UTF-8`},
		{"serial", Header{Serial: -1}, nil, "serial -1"},
		{"revision", Header{Revision: -1}, nil, "revision -1"},
		{"prefix not UTF-8", ranges(Range{Prefix: "/r/\xff"}), nil, `prefix "/r/\xff" is not UTF-8`},
		{"prefix elsewhere", ranges(Range{Prefix: "/s/"}), nil, `prefix "/s/" is not below root "/r/"`},
		{"prefixes out of order", ranges(Range{Prefix: "/r/b/"}, Range{Prefix: "/r/a/"}), nil, `prefix "/r/a/" follows "/r/b/"`},
		{"prefix twice", ranges(Range{Prefix: "/r/"}, Range{Prefix: "/r/"}), nil, `prefix "/r/" follows "/r/"`},
		{"revision of range", ranges(Range{Prefix: "/r/", Revision: -1}), nil, "revision -1"},
		{"year", ranges(Range{Prefix: "/r/", Contact: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}), nil, "year 10000"},
		{"header too large", Header{Root: strings.Repeat("r", maxHeader)}, nil, "more than 4194304"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := newFile(t, testHeader(), testEntries())
			size, err := Write(path, tt.header, slices.Values(tt.entries))
			wantError(t, err, nil, path, tt.want)
			if size != 0 {
				t.Errorf("size %d", size)
			}
			wantFiles(t, filepath.Dir(path), "snapshot")
			wantSnapshot(t, path, testHeader(), testEntries())
		})
	}
}

// TestErrorsAreShort: a key of megabytes doesn't fill the log.
func TestErrorsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\x00", maxEntry+1)
	_, err := Write(filepath.Join(t.TempDir(), "s"), Header{}, slices.Values([]Entry{{Key: long}}))
	if err == nil || len(err.Error()) > 4096 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

// TestSequencePanics: nothing is left behind by an iterator that panics.
func TestSequencePanics(t *testing.T) {
	t.Parallel()
	path := newFile(t, testHeader(), testEntries())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, err := Write(path, testHeader(), func(func(Entry) bool) { panic("made up") })
		t.Errorf("Write returned %v", err)
	}()
	wantFiles(t, filepath.Dir(path), "snapshot")
	wantSnapshot(t, path, testHeader(), testEntries())
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Write("s", testHeader(), slices.Values(testEntries())); err != nil {
		t.Fatal(err)
	}
	wantSnapshot(t, "s", testHeader(), testEntries())
	wantFiles(t, ".", "s")
	if _, err := Open("t"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
}
