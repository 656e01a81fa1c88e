package catalog_test

import (
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func BenchmarkDecodeValue(b *testing.B) {
	value := []byte(typicalValue)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := catalog.DecodeValue("10-0-0-7-8080", value); err != nil {
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
