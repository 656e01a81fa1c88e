package snapshot

import (
	"path/filepath"
	"slices"
	"testing"
)

// benchEntries is the number of instances of the benchmarks' registry.
const benchEntries = 100_000

func benchSize(entries []Entry) (size int64) {
	for _, e := range entries {
		size += int64(len(e.Key) + len(e.Value))
	}
	return size
}

// BenchmarkWrite writes 100,000 entries of some 200 bytes. The disk has its
// share: each write is synced.
func BenchmarkWrite(b *testing.B) {
	entries := largeEntries(benchEntries)
	path := filepath.Join(b.TempDir(), "snapshot")
	b.SetBytes(benchSize(entries))
	b.ReportAllocs()
	var size int64
	for b.Loop() {
		var err error
		if size, err = Write(path, testHeader(), slices.Values(entries)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size), "file-bytes")
}

// BenchmarkRead opens and reads them, as a start does.
func BenchmarkRead(b *testing.B) {
	entries := largeEntries(benchEntries)
	path := newFile(b, testHeader(), entries)
	b.SetBytes(benchSize(entries))
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, err := range f.Entries() {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		f.Close()
		if n != benchEntries {
			b.Fatalf("%d entries", n)
		}
	}
}
