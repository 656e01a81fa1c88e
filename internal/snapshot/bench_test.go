package snapshot

import (
	"path/filepath"
	"slices"
	"testing"
)

// BenchmarkWrite and BenchmarkRead are of 100,000 entries of some 200 bytes.
const benchEntries = 100_000

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "snapshot")
	entries := testEntries(benchEntries)
	var size int64
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if size, err = Write(path, testHeader(), slices.Values(entries)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/benchEntries, "B/entry")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "snapshot")
	if _, err := Write(path, testHeader(), slices.Values(testEntries(benchEntries))); err != nil {
		b.Fatal(err)
	}
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
		if n != benchEntries {
			b.Fatalf("%d entries", n)
		}
		_ = f.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
}
