package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/bench/table"
	"github.com/rosterdns/roster/test/harness"
)

// TestDocument: the tables of docs/scale.md have every row of a run without flags and every
// cost of the model, and the place for them is there.
func TestDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "docs", "scale.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.InsertBetween(string(text), begin, end, "tables"); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), begin)
	tables, method, _ := strings.Cut(rest, end)
	f, err := parseFlags(nil, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.scenarios() {
		if !strings.Contains(method, "`"+s.name+"/…`") {
			t.Errorf("the document doesn't tell how %s is measured", s.name)
		}
		for _, r := range s.rows {
			if !strings.Contains(tables, "| "+r.ID+" |") {
				t.Errorf("the tables have no row %s", r.ID)
			}
		}
	}
	for _, c := range costsOfModel {
		if !strings.Contains(tables, "| "+c.what+" |") {
			t.Errorf("the model doesn't tell %s", c.what)
		}
	}
}
