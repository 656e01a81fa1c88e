package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	namedMetric = regexp.MustCompile(`(coredns_\w+)(?:\{([^}]*)\})?`)
	labelValue  = regexp.MustCompile(`\w+="([^"]*)"`)
	namedLog    = regexp.MustCompile("`log: ([^`]+)`")
	namedText   = regexp.MustCompile("`text: ([^`]+)`")
)

// ofHistograms are what the names of a histogram's series end in.
var ofHistograms = []string{"_bucket", "_count", "_sum"}

// TestMetrics checks that the metrics that docs/operations.md names are
// exported, with labels that can have the values named.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := readSources(t)
	found := namedMetric.FindAllStringSubmatch(document(t, "operations.md"), -1)
	for _, f := range found {
		name := f[1]
		for _, suffix := range ofHistograms {
			name = strings.TrimSuffix(name, suffix)
		}
		if !s.metrics[name] {
			t.Errorf("metric %s isn't exported", f[1])
		}
		for _, value := range labelValue.FindAllStringSubmatch(f[2], -1) {
			if !s.texts[value[1]] {
				t.Errorf("%s: no label has the value %q", f[0], value[1])
			}
		}
	}
	// A notation that is no longer understood would find nothing.
	if len(found) < 20 || len(s.metrics) < 20 {
		t.Errorf("found only %d names in the document and %d metrics in the sources", len(found), len(s.metrics))
	}
}

// TestLogs checks that what docs/operations.md quotes is in the sources: after
// "log:" the beginning of a line of a log, after "text:" what is somewhere in
// one.
func TestLogs(t *testing.T) {
	t.Parallel()
	s := readSources(t)
	text := document(t, "operations.md")
	logs := namedLog.FindAllStringSubmatch(text, -1)
	for _, f := range logs {
		if !slices.ContainsFunc(s.logs, func(log string) bool { return strings.HasPrefix(log, f[1]) }) {
			t.Errorf("no log has a line that begins with %q", f[1])
		}
	}
	for _, f := range namedText.FindAllStringSubmatch(text, -1) {
		found := false
		for text := range s.texts {
			found = found || strings.Contains(text, f[1])
		}
		if !found {
			t.Errorf("%q is in no source", f[1])
		}
	}
	if len(logs) < 20 || len(s.logs) < 20 {
		t.Errorf("found only %d lines in the document and %d in the sources", len(logs), len(s.logs))
	}
}
