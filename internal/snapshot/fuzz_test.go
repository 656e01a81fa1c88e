package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// sealed returns a file with the length and the checksum of what is before.
func sealed(data []byte) []byte {
	data = binary.BigEndian.AppendUint64(data, uint64(len(data)))
	return binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
}

// packed compresses the body of a file.
func packed(tb testing.TB, body []byte) []byte {
	tb.Helper()
	z, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false))
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(body, preamble(version))
}

// FuzzOpen reads files whose checksum is right and whose contents are anything:
// an error or a result, within bounds.
func FuzzOpen(f *testing.F) {
	var good bytes.Buffer
	if err := encodeBody(&good, testHeader(), slices.Values(testEntries(2))); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes(), true)
	f.Add([]byte{}, true)
	f.Add([]byte("\x02{}\x00\x00"), true)
	f.Add([]byte("\x02{}\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true)
	f.Add([]byte("\xff\xff\xff\x01{"), true)
	f.Add([]byte("\x02{}\x02a\x00\x01b\x00\x02"), true)
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x80, 0xff, 0xff, 0xff, 0xff}, false)
	f.Add(packed(f, good.Bytes())[preambleSize:], false)
	path := filepath.Join(f.TempDir(), "snapshot")
	f.Fuzz(func(t *testing.T, body []byte, compress bool) {
		data := append(preamble(version), body...)
		if compress {
			data = packed(t, body)
		}
		if err := os.WriteFile(path, sealed(data), 0o600); err != nil {
			t.Fatal(err)
		}
		header, entries, err := read(path)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v is not ErrCorrupt", err)
			}
			return
		}
		// What can be read can be written, and read again.
		if _, err := Write(path, header, slices.Values(entries)); err != nil {
			t.Fatalf("writing %+v with %d entries: %v", header, len(entries), err)
		}
		if _, again, err := read(path); err != nil || len(again) != len(entries) {
			t.Errorf("%d entries read again, %v, want %d", len(again), err, len(entries))
		}
	})
}
