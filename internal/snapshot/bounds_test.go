package snapshot

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestEarlierFiles were written by the first program that wrote format version 1,
// which knew no entries and bytes in the header: an upgrade while etcd is away.
func TestEarlierFiles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]Entry{"version1": testEntries(), "version1-blocks": largeEntries(2000)} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		wantSnapshot(t, put(t, b), testHeader(), want)
	}
}

// sparse makes a file as long as size: a body, a hole, and the length at its end.
func sparse(t *testing.T, version uint32, body []byte, size int64) string {
	t.Helper()
	path := put(t, append(preamble(version), body...))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	end := binary.BigEndian.AppendUint64(nil, uint64(size)-uint64(trailerSize))
	if _, err := f.WriteAt(append(end, 0, 0, 0, 0), size-int64(trailerSize)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFarTooLong are files that would take long to read. They are refused for
// their size or their start: the checksum, which is wrong as well, is of all.
func TestFarTooLong(t *testing.T) {
	t.Parallel()
	good := whole(t)
	body := good[preambleSize : len(good)-trailerSize]
	skip := []byte{0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff} // a frame of 4 GiB that is to be ignored
	const giant = 20 << 30
	tests := []struct {
		name    string
		version uint32
		body    []byte
		size    int64
		want    string
	}{
		{"nothing", version, nil, giant, "magic"},
		{"the header says how much", version, body, giant, "it has 21474836480 bytes, and can't have more than 66"},
		{"not much too long", version, body, 70_000, "it has 70000 bytes, and can't have more than 66"},
		{"the header doesn't say", version, compress(t, plain(t, 2, "{}", 0, 0)), giant, "can't have more than 4294967296"},
		{"only one of both", version, compress(t, plain(t, 13, `{"entries":1}`, 0, 0)), giant, "can't have more than 4294967296"},
		{"another version", version + 1, body, giant, "can't have more than 4294967296"},
		{"no header", version, skip, giant, "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := sparse(t, tt.version, tt.body, tt.size)
			_, err := Open(path)
			wantError(t, err, ErrCorrupt, path, tt.want)
		})
	}
}

// TestUnlikeHeader are files that hold something else than their header says.
func TestUnlikeHeader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		entries, bytes int64
		want           string
	}{
		{"right", 1, 2, ""},
		{"more entries", 0, 2, "its header says 0 entries of 2 bytes, of which 1 of 2 were read"},
		{"more bytes", 1, 1, "its header says 1 entries of 1 bytes, of which 1 of 2 were read"},
		{"fewer entries", 2, 2, "its header says 2 entries of 2 bytes, of which 1 of 2 were read"},
		{"fewer bytes", 1, 3, "its header says 1 entries of 3 bytes, of which 1 of 2 were read"},
		{"negative", -1, 2, "it can't hold -1 entries of 2 bytes"},
		{"overflow", 1 << 62, 1 << 62, "it can't hold"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := fmt.Sprintf(`{"entries":%d,"bytes":%d}`, tt.entries, tt.bytes)
			path := put(t, seal(version, compress(t, plain(t, len(header), header, 2, "k", 7, 1, "v", 0, 1))))
			_, _, err := read(path)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, ErrCorrupt, path, tt.want)
		})
	}
}

// TestEntriesThatChange between the passes of a write would make a file that
// can't be read.
func TestEntriesThatChange(t *testing.T) {
	t.Parallel()
	path := newFile(t, testHeader(), testEntries())
	pass := 0
	var changing iter.Seq[Entry] = func(yield func(Entry) bool) {
		pass++
		slices.Values(largeEntries(pass))(yield)
	}
	_, err := Write(path, testHeader(), changing)
	wantError(t, err, nil, path, "while they were written")
	wantSnapshot(t, path, testHeader(), testEntries())
}

// TestDecodedOnce: opening a file decodes its header only.
func TestDecodedOnce(t *testing.T) {
	t.Parallel()
	f, err := Open(newFile(t, testHeader(), largeEntries(20_000)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counted := &countingReader{r: f.body()}
	d, err := newDecoder(counted)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if _, err := d.readHeader(); err != nil {
		t.Fatal(err)
	}
	if limit := 2 * bufferSize; counted.n > limit {
		t.Errorf("%d bytes of %d were read for the header, want %d at most", counted.n, f.size, limit)
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
