package snapshot

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// How FuzzOpen takes its input. A checksum is right unless it is part of it.
const (
	asFile = iota // the whole file
	asBody        // what is compressed
	asPlain
)

// FuzzOpen checks that no file does harm, and that what can be read is what
// would be written.
func FuzzOpen(f *testing.F) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { z.Close() })
	good := whole(f)
	f.Add(byte(asFile), good)
	f.Add(byte(asBody), good[preambleSize:len(good)-trailerSize])
	f.Add(byte(asPlain), plain(f, 2, "{}", 2, "a", 7, 1, "v", 3, "ab", 8, 0, 0, 2))
	f.Fuzz(func(t *testing.T, form byte, data []byte) {
		switch form % 3 {
		case asBody:
			data = seal(version, data)
		case asPlain:
			data = seal(version, z.EncodeAll(data, nil))
		}
		path := filepath.Join(t.TempDir(), "snapshot")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		header, entries, err := read(path)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Errorf("error %v blames the disk", err)
			}
			return
		}
		if _, err := Write(path, header, slices.Values(entries)); err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		again, entriesAgain, err := read(path)
		if err != nil {
			t.Fatal(err)
		}
		if !header.equal(again) {
			t.Errorf("header %+v, want %+v", again, header)
		}
		wantEntries(t, entriesAgain, entries)
	})
}
