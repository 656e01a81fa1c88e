package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(writerEnv) != "" {
		writeForever(writerFile)
	}
	goleak.VerifyTestMain(m)
}

// contact is a time as a clock gives it: in a zone, with nanoseconds.
var contact = time.Date(2026, 2, 3, 4, 5, 6, 123456789, time.FixedZone("", 5*3600+1800+7))

func testHeader() Header {
	return Header{
		Cluster: 0xfedcba9876543210, Root: "/roster/", Serial: 1<<40 + 3, Offset: 1<<40 - 15, Revision: 17,
		Ranges: []Range{{Prefix: "/roster/a/", Revision: 17, Contact: contact.UTC()}, {Prefix: "/roster/b/", Revision: 16}},
	}
}

// testEntries has what keys and values can hold.
func testEntries() []Entry {
	return []Entry{
		{Key: "", Value: []byte("of the root itself"), Revision: 1},
		{Key: "a/s/1", Value: []byte(`{"addresses":["10.0.0.1"]}`), Revision: 1<<63 - 1},
		{Key: "a/s/2", Value: nil, Revision: 0},
		{Key: "b/\x00\xff\n", Value: []byte{0, 255, '\n'}, Revision: 300},
	}
}

// largeEntries takes several blocks and windows of compressed data.
func largeEntries(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{Key: fmt.Sprintf("a/service-%04d/%08d", i/10, i), Value: benchValue(i), Revision: int64(i)}
	}
	return entries
}

// benchValue is a typical instance: one address, one named port, two pairs of
// metadata.
func benchValue(i int) []byte {
	return fmt.Appendf(nil, `{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080,"protocol":"tcp"}],"weight":100,"priority":0,`+
		`"metadata":{"version":"1.2.%d","zone":"eu-west-1a"},"status":"up"}`, i>>16&255, i>>8&255, i&255, i%100)
}

// newFile returns the path of a snapshot.
func newFile(t testing.TB, h Header, entries []Entry) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	size, err := Write(path, h, slices.Values(entries))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != size {
		t.Fatalf("size %d returned, file %v, error %v", size, info, err)
	}
	return path
}

// read returns a snapshot, and the first error there is.
func read(path string) (Header, []Entry, error) {
	f, err := Open(path)
	if err != nil {
		return Header{}, nil, err
	}
	defer f.Close()
	entries, err := collect(f.Entries())
	return f.Header(), entries, err
}

func collect(seq iter.Seq2[Entry, error]) ([]Entry, error) {
	var entries []Entry
	for e, err := range seq {
		if err != nil {
			return entries, err
		}
		e.Value = slices.Clone(e.Value)
		entries = append(entries, e)
	}
	return entries, nil
}

// wantSnapshot checks that a whole snapshot is at path.
func wantSnapshot(t testing.TB, path string, wantHeader Header, want []Entry) {
	t.Helper()
	h, got, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h, wantHeader) {
		t.Errorf("header %+v, want %+v", h, wantHeader)
	}
	wantEntries(t, got, want)
}

func wantEntries(t testing.TB, got, want []Entry) {
	t.Helper()
	if !slices.EqualFunc(got, want, equalEntries) {
		t.Errorf("%d entries, want %d; they start with %.1000s, want %.1000s", len(got), len(want), fmt.Sprint(got), fmt.Sprint(want))
	}
}

func equalEntries(a, b Entry) bool {
	return a.Key == b.Key && a.Revision == b.Revision && string(a.Value) == string(b.Value)
}

// wantError checks that an error is of a kind, and that it names the file and
// has no control characters.
func wantError(t testing.TB, err, kind error, path, message string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", message)
		return
	}
	for _, other := range []error{ErrCorrupt, ErrVersion, fs.ErrNotExist} {
		if got, want := errors.Is(err, other), kind != nil && errors.Is(kind, other); got != want {
			t.Errorf("error %v is %q: %t, want %t", err, other, got, want)
		}
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
	}
	for _, part := range []string{fmt.Sprintf("%q", path), message} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %v says nothing of %s", err, part)
		}
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("control characters in %q", err)
	}
}

// files returns the names in a folder.
func files(t testing.TB, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantFiles(t testing.TB, folder string, want ...string) {
	t.Helper()
	if got := files(t, folder); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

// seal makes a file of what is between preamble and trailer.
func seal(version uint32, body []byte) []byte {
	b := append(preamble(version), body...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(b)))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// compress makes a body.
func compress(t testing.TB, plain []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithEncoderConcurrency(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(plain, nil)
}

// plain builds what a body holds: numbers as uvarints, strings and bytes as they
// are.
func plain(t testing.TB, parts ...any) []byte {
	t.Helper()
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.AppendUvarint(b, uint64(p))
		case uint64:
			b = binary.AppendUvarint(b, p)
		case string:
			b = append(b, p...)
		default:
			t.Fatalf("part %v", p)
		}
	}
	return b
}

// put writes a file of any contents.
func put(t testing.TB, contents []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(path, contents, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// limited is a disk with room for a number of bytes.
func limited(room int, full error) disk {
	d := system
	d.write = func(f *os.File, p []byte) (int, error) {
		n, err := f.Write(p[:min(len(p), room)])
		room -= n
		if err == nil && n < len(p) {
			err = full
		}
		return n, err
	}
	return d
}
