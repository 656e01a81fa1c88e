package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// small are flags for what every machine can build, and for as little as there can be. Knot
// and NSD are not started.
func small(t *testing.T, rows string) []string {
	t.Helper()
	return []string{
		"-servers", "2", "-changes", "40", "-instances", "4000", "-duration", "1s", "-rows", rows,
		"-roster", harness.Binary(t, "coredns"), "-etcd", harness.Binary(t, "etcd"),
	}
}

// TestSmoke measures a row or two of each scenario that needs no other programs, in two runs
// of which the second has the results of the first.
func TestSmoke(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, results := filepath.Join(dir, "scale.md"), filepath.Join(dir, "results")
	if err := os.WriteFile(out, []byte("# Scale\n\n"+begin+end), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	for _, rows := range []string{`^(fanout/2x40|watchers/40x2)$`, `^(proxy/(2x40|lists)|clusters/2x40)$`} {
		stdout.Reset()
		if err := run(t.Context(), append(small(t, rows), "-out", out, "-results", results), &stdout, &stderr); err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
	}
	const number = ` [0-9.,e-]+ \|`
	for row, want := range map[string]string{
		"fanout/2x40":   "(" + number + "){7}",
		"watchers/40x2": "(" + number + "){4}",
		"proxy/2x40":    "(" + number + "){7} 2.00 \\|" + number + number + `  \|` + number,
		"proxy/lists":   `(  \|){9}` + number + number + `  \|`,
		"clusters/2x40": "(" + number + "){8}",
	} {
		if !regexp.MustCompile(`(?m)^\| ` + row + ` \|` + want).Match(stdout.Bytes()) {
			t.Errorf("no row %s as %s in\n%s", row, want, stdout.String())
		}
	}
	document, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(document), strings.TrimSpace(stdout.String())) {
		t.Errorf("%v; the document has not the tables:\n%s", err, document)
	}
}

// TestRowsAreUnique: a row's ID selects it alone, whatever the flags are.
func TestRowsAreUnique(t *testing.T) {
	t.Parallel()
	for _, o := range []options{{servers: 2, changes: 10, instances: minInstances}, {servers: 50, changes: 1000, instances: 1_000_000}} {
		found := map[string]bool{}
		for _, s := range o.scenarios() {
			for _, r := range s.rows {
				if found[r.ID] || !strings.HasPrefix(r.ID, s.name+"/") {
					t.Errorf("%s: two rows have the ID %s, or it is not of the scenario", s.name, r.ID)
				}
				found[r.ID] = true
			}
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-servers", "1"}, {"-changes", "9"}, {"-instances", "3999"}, {"-duration", "10ms"}, {"-rows", "("}, {"more"}} {
		if _, err := parseFlags(args, &bytes.Buffer{}); err == nil {
			t.Errorf("parseFlags(%q) gives no error", args)
		}
	}
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"-list"}, &stdout, &bytes.Buffer{}); err != nil || !strings.Contains(stdout.String(), "fanout/50x1000\n") {
		t.Errorf("-list: %v; prints\n%s", err, stdout.String())
	}
}

// TestMissingProgram: what is absent is named before anything runs, where a row needs it.
func TestMissingProgram(t *testing.T) {
	t.Parallel()
	others := []string{"-roster", "sh", "-etcd", "sh", "-knot", "sh", "-nsd", "no-such-program"}
	var stderr bytes.Buffer
	err := run(t.Context(), append(others, "-rows", "^secondary/"), &bytes.Buffer{}, &stderr)
	if err == nil || !strings.Contains(err.Error(), "no-such-program is not installed") || stderr.Len() > 0 {
		t.Errorf("%v, after\n%s", err, stderr.String())
	}
	if err := run(t.Context(), append(others, "-rows", "^none$"), &bytes.Buffer{}, &stderr); err != nil {
		t.Errorf("without rows that need it: %v", err)
	}
}

func TestDamagedResults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-rows", "^none$", "-results", path}, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("results that can't be read give no error")
	}
}
