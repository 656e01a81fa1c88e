package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/bench/table"
	"github.com/rosterdns/roster/test/harness"
)

// programs are flags for what every machine can build. whoami is in Roster's CoreDNS too; the
// other peers are not started.
func programs(t *testing.T) []string {
	t.Helper()
	coredns := harness.Binary(t, "coredns")
	return []string{
		"-dnsperf", "none", "-roster", coredns, "-stock", coredns, "-knot", coredns, "-nsd", coredns,
		"-etcd", harness.Binary(t, "etcd"), "-source", harness.SourceRoot(),
	}
}

// TestSmoke measures one row against whoami, in two rounds.
func TestSmoke(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "benchmarks.md")
	if err := os.WriteFile(out, []byte("# Benchmarks\n\n"+table.Begin+table.End), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(programs(t), "-rounds", "2", "-instances", "100", "-duration", "1s", "-rows", `^chain/A/whoami$`, "-out", out)
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	row := regexp.MustCompile(`(?m)^\| chain/A/whoami \| .* \| ≤ 1.00 x whoami \| [0-9.]+ x whoami \| [0-9.]+ to [0-9.]+ \| (pass|\*\*miss\*\*) \|$`)
	if !row.Match(stdout.Bytes()) {
		t.Errorf("the table has no row of chain/A/whoami:\n%s", stdout.String())
	}
	if !strings.HasPrefix(stdout.String(), "2 rounds of 1s, 100 instances") {
		t.Errorf("the conditions are missing:\n%s", stdout.String())
	}
	document, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(document), strings.TrimSpace(stdout.String())) {
		t.Errorf("%v; the document has not the table:\n%s", err, document)
	}
}

// TestRowsAreUnique: a row's ID selects it alone.
func TestRowsAreUnique(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, e := range experiments() {
		for _, r := range e.rows {
			if found[r.ID] {
				t.Errorf("two rows have the ID %s", r.ID)
			}
			found[r.ID] = true
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-rounds", "0"}, {"-instances", "5"}, {"-duration", "10ms"}, {"-rows", "("}, {"more"}} {
		if _, err := parseFlags(args, &bytes.Buffer{}); err == nil {
			t.Errorf("parseFlags(%q) gives no error", args)
		}
	}
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"-list"}, &stdout, &bytes.Buffer{}); err != nil || !strings.Contains(stdout.String(), "chain/SRV+EDNS/file\t") {
		t.Errorf("-list: %v; prints\n%s", err, stdout.String())
	}
}

// TestMissingProgram: what is absent is named before anything runs.
func TestMissingProgram(t *testing.T) {
	t.Parallel()
	args := append(programs(t), "-nsd", "no-such-program")
	var stderr bytes.Buffer
	if err := run(t.Context(), args, &bytes.Buffer{}, &stderr); err == nil || !strings.Contains(err.Error(), "no-such-program is not installed") || stderr.Len() > 0 {
		t.Errorf("%v, after\n%s", err, stderr.String())
	}
}

func TestAlternately(t *testing.T) {
	t.Parallel()
	for round, want := range []string{"abc", "cba", "abc"} {
		got := ""
		err := alternately(round, map[string]int{"b": 0, "a": 0, "c": 0}, func(name string, _ int) error {
			got += name
			return nil
		})
		if err != nil || got != want {
			t.Errorf("round %d: %s, %v; want %s", round, got, err, want)
		}
	}
}
