package snapshot

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// whole returns the bytes of a small snapshot.
func whole(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(newFile(t, testHeader(), testEntries()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEveryFlip changes each byte of a file, by each bit and all of them.
func TestEveryFlip(t *testing.T) {
	t.Parallel()
	good := whole(t)
	path := put(t, nil)
	for i := range good {
		for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); !errors.Is(err, ErrCorrupt) {
				t.Errorf("byte %d changed by %#x: error %v, want %v", i, flip, err, ErrCorrupt)
			}
		}
	}
}

// TestEveryTruncation cuts a file at each length, and adds to it.
func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	good := whole(t)
	path := put(t, nil)
	try := func(name string, i int, bad []byte) {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s %d: error %v, want %v", name, i, err, ErrCorrupt)
		}
	}
	for i := range good {
		try("cut at", i, good[:i])
		try("without the first", i+1, good[i+1:])
		try("zeros from", i, append(bytes.Clone(good[:i]), make([]byte, len(good)-i)...)) // blocks that were never written
		try("ends again at", i, append(bytes.Clone(good), good[i:]...))
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		contents []byte
		kind     error
		want     string
	}{
		{"empty", nil, ErrCorrupt, "0 bytes"},
		{"foreign", bytes.Repeat([]byte("\x1b]0;"), 20), ErrCorrupt, `it starts with "\x1b]0;`},
		{"version ahead", seal(version+1, []byte("what is to come")), ErrVersion, "version 3, this program knows 1 to 2"},
		{"version zero", seal(0, nil), ErrVersion, "version 0"},
		{"no body", seal(version, nil), ErrCorrupt, "length of the header"},
		{"not zstd", seal(version, []byte("something else")), ErrCorrupt, "magic"},
		{"zstd of nothing", seal(version, compress(t, nil, zstd.WithZeroFrames(true))), ErrCorrupt, "unexpected EOF"},
		{"header cut", seal(version, compress(t, plain(t, 10, "{"))), ErrCorrupt, "header: unexpected EOF"},
		{"header too long", seal(version, compress(t, plain(t, maxHeader+1))), ErrCorrupt, "length of the header is 4194305"},
		{"length overflows", seal(version, compress(t, bytes.Repeat([]byte{255}, 11))), ErrCorrupt, "overflows"},
		{"header no JSON", seal(version, compress(t, plain(t, 1, "{"))), ErrCorrupt, "header: "},
		{"header not UTF-8", seal(version, compress(t, plain(t, 12, "{\"root\":\"\xff\"}"))), ErrCorrupt, "not UTF-8"},
		{"header of another type", seal(version, compress(t, plain(t, 10, `{"root":1}`))), ErrCorrupt, "header: "},
		{"header that Write refuses", seal(version, compress(t, plain(t, 13, `{"serial":-1}`))), ErrCorrupt, "serial -1"},
		{"header beyond RFC 3339", seal(version, compress(t, plain(t, 52, `{"ranges":[{"contact":"9999-12-31T23:59:59-12:00"}]}`))), ErrCorrupt, "year 10000"},
		{"no JSON object", seal(version, compress(t, plain(t, 2, "[]"))), ErrCorrupt, "header: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := put(t, tt.contents)
			_, err := Open(path)
			wantError(t, err, tt.kind, path, tt.want)
		})
	}
}

// TestUnknownMembers: later versions can add to the header.
func TestUnknownMembers(t *testing.T) {
	t.Parallel()
	header := `{"new":{"x":[1]},"root":"/r/","serial":5,"offset":2,"ranges":[{"prefix":"/r/","new":null}]}`
	path := put(t, seal(version, compress(t, plain(t, len(header), header, 2, "k", 7, 1, "v", 0, 1))))
	wantSnapshot(t, path, Header{Root: "/r/", Serial: 5, Offset: 2, Ranges: []Range{{Prefix: "/r/"}}}, []Entry{{"k", []byte("v"), 7}})
}

// TestMisleading are files whose checksum is right and whose entries are not.
func TestMisleading(t *testing.T) {
	t.Parallel()
	header := plain(t, 2, "{}")
	tests := []struct {
		name  string
		parts []any
		read  int // entries before the error
		want  string
	}{
		{"no end", nil, 0, "length of a key: unexpected EOF"},
		{"no end after an entry", []any{2, "a", 0, 0}, 1, "length of a key: unexpected EOF"},
		{"no count", []any{0}, 0, "number of entries: unexpected EOF"},
		{"wrong count", []any{2, "a", 0, 0, 0, 2}, 1, "it has 1 entries, but states 2"},
		{"goes on", []any{0, 0, "more"}, 0, "continues after the last entry"},
		{"key cut", []any{3, "a"}, 0, "key: unexpected EOF"},
		{"no revision", []any{2, "a"}, 0, "revision: unexpected EOF"},
		{"no value", []any{2, "a", 0}, 0, "length of a value: unexpected EOF"},
		{"value cut", []any{2, "a", 0, 2, "v"}, 0, "value: unexpected EOF"},
		{"value absent", []any{2, "a", 0, 2}, 0, "value: unexpected EOF"},
		{"key too long", []any{maxEntry + 2}, 0, "length of a key is 16777218"},
		{"value too long", []any{2, "a", 0, maxEntry}, 0, "length of a value is 16777216"},
		{"key of 2^64", []any{uint64(math.MaxUint64)}, 0, "length of a key is"},
		{"value of 2^64", []any{2, "a", 0, uint64(math.MaxUint64)}, 0, "length of a value is"},
		{"revision of 2^63", []any{2, "a", uint64(1 << 63)}, 0, "revision is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := put(t, seal(version, compress(t, append(bytes.Clone(header), plain(t, tt.parts...)...))))
			_, got, err := read(path)
			wantError(t, err, ErrCorrupt, path, tt.want)
			if len(got) != tt.read {
				t.Errorf("%d entries, want %d", len(got), tt.read)
			}
		})
	}
}

// TestBodyDamage are bodies whose compression is broken, with a right checksum.
func TestBodyDamage(t *testing.T) {
	t.Parallel()
	good := whole(t)
	body := good[preambleSize : len(good)-trailerSize]
	tests := []struct {
		name string
		body []byte
	}{
		{"cut", body[:len(body)-1]},
		{"followed by anything", append(bytes.Clone(body), "trailing"...)},
		{"followed by more of the same", append(bytes.Clone(body), body...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := put(t, seal(version, tt.body))
			_, _, err := read(path)
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v, want %v", err, ErrCorrupt)
			}
		})
	}
}

// TestMemory reads files that were made to take memory: a window of 512 MiB,
// a frame of one segment as large, and 256 MiB of entries in a few kilobytes.
func TestMemory(t *testing.T) {
	const limit = 64 << 20
	header := plain(t, 2, "{}")
	windowed := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 19 << 3, 1, 0, 0}         // a window of 512 MiB, one empty block
	segment := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x20, 1, 0, 0} // single segment, content of 512 MiB
	entries := bytes.Clone(header)
	for i := range 16 {
		entries = append(entries, plain(t, 2, string(rune('a'+i)), 0, maxEntry-1)...)
		entries = append(entries, make([]byte, maxEntry-1)...)
	}
	entries = append(entries, plain(t, 0, 16)...)
	large := compress(t, entries, zstd.WithWindowSize(maxWindow), zstd.WithSingleSegment(false))
	tests := []struct {
		name     string
		contents []byte
		want     string // no error if empty
	}{
		{"window", seal(version, windowed), "window"},
		{"segment", seal(version, segment), "limit"},
		{"many large values", seal(version, large), ""},
	}
	for _, tt := range tests {
		path := put(t, tt.contents)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Open(path)
		if err == nil {
			for _, err = range f.Entries() {
			}
			f.Close()
		}
		runtime.ReadMemStats(&after)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "":
			wantError(t, err, ErrCorrupt, path, tt.want)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > limit {
			t.Errorf("%s: %d bytes allocated for a file of %d, want %d at most", tt.name, got, len(tt.contents), limit)
		}
	}
}

// TestNoFile are paths with something else, or nothing, behind them.
func TestNoFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe, file := filepath.Join(folder, "pipe"), filepath.Join(folder, "file")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		kind       error
		want       string
	}{
		{"nothing", filepath.Join(folder, "nothing"), fs.ErrNotExist, "no such file"},
		{"no folder", filepath.Join(folder, "nothing", "snapshot"), fs.ErrNotExist, "no such file"},
		{"folder", folder, nil, "not a regular file"},
		{"pipe", pipe, nil, "not a regular file"}, // and nobody at its other end
		{"device", os.DevNull, nil, "not a regular file"},
		{"below a file", filepath.Join(file, "snapshot"), nil, "not a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(tt.path)
			wantError(t, err, tt.kind, tt.path, tt.want)
		})
	}
}
