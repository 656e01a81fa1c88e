package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// TestMicroBenchmarks: the benchmarks that rows name are there. Without them the table
// would say that what they measure isn't built.
func TestMicroBenchmarks(t *testing.T) {
	t.Parallel()
	for _, r := range microRows {
		name, _, _ := strings.Cut(r.benchmark, "/")
		files, err := filepath.Glob(filepath.Join(harness.SourceRoot(), r.pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "\nfunc "+name+"(b *testing.B)")
		}
		if !found {
			t.Errorf("%s: no file of %s has %s", r.ID, r.pkg, name)
		}
	}
}
