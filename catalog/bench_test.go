package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func BenchmarkDecodeValue(b *testing.B) {
	for _, bm := range []struct{ name, value string }{
		{"typical", typicalValue},
		{"minimal", `{"addresses":["10.0.0.7"],"weight":100,"priority":0,"status":"up"}`},
		{"unknown members", typicalValue[:len(typicalValue)-1] + `,"future":{"a":[1,2.5e3,null,{"b":"\u00e9"}],"c":"` + strings.Repeat("x", 64) + `"}}`},
	} {
		b.Run(strings.ReplaceAll(bm.name, " ", "-"), func(b *testing.B) {
			value := []byte(bm.value)
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := catalog.DecodeValue("10-0-0-7-8080", value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecodeRegistry decodes 100,000 instances that differ and stay, as a
// list or a snapshot does.
func BenchmarkDecodeRegistry(b *testing.B) {
	values := repeat(100_000, func(i int) []byte {
		return []byte(strings.Replace(typicalValue, "10.0.0.7", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), 1))
	})
	b.ReportAllocs()
	for b.Loop() {
		instances := make([]catalog.Instance, len(values))
		for i, value := range values {
			in, err := catalog.DecodeValue("a", value)
			if err != nil {
				b.Fatal(err)
			}
			instances[i] = in
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	in := typical()
	b.ReportAllocs()
	for b.Loop() {
		if err := in.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeValue(b *testing.B) {
	in := typical()
	b.SetBytes(int64(len(typicalValue)))
	b.ReportAllocs()
	for b.Loop() {
		if len(in.EncodeValue()) != len(typicalValue) {
			b.Fatal("wrong length")
		}
	}
}

// TestAllocations bounds what a registry of a million instances costs: in
// decoding, a list each for addresses, ports and tags, two parts of a map, and
// the text of two addresses and two values of metadata. Names are shared.
func TestAllocations(t *testing.T) {
	value := []byte(typicalValue)
	if n := leastAllocations(func() {
		if _, err := catalog.DecodeValue("a", value); err != nil {
			t.Fatal(err)
		}
	}); n > 9 {
		t.Errorf("decoding allocates %.0f times, want 9", n)
	}
	in := typical()
	if n := leastAllocations(func() {
		if err := in.Validate(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("checking a valid instance allocates %.0f times", n)
	}
}

// leastAllocations returns how often f allocates in the best of many runs: what is
// for reuse can be gone at any time, and the race detector drops some at random.
func leastAllocations(f func()) float64 {
	least := testing.AllocsPerRun(1, f)
	for range 99 {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}
