package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/bench/table"
	"github.com/rosterdns/roster/test/harness"
)

// TestDocument: docs/benchmarks.md tells how each row with a bar is measured, and has the
// place for the tables.
func TestDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "docs", "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Insert(string(text), "tables"); err != nil {
		t.Error(err)
	}
	_, method, _ := strings.Cut(string(text), table.End)
	for _, e := range experiments() {
		for _, r := range e.rows {
			group, _, _ := strings.Cut(r.ID, "/")
			documented := strings.Contains(method, "`"+group+"/…`") || strings.Contains(method, "`"+r.ID+"`")
			if r.Bar != nil && !documented {
				t.Errorf("%s is not in the document", r.ID)
			}
		}
	}
}
