package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

var (
	// namedCases is a file of cases of test/conformance, and perhaps a group in it.
	namedCases = regexp.MustCompile("`([a-z-]+\\.txt)(?:: ([^`]+))?`")
	// namedSource is a source that a cell names.
	namedSource = regexp.MustCompile(`\[([A-Z]\d+)\]`)
	// listedSource is a row of the list of sources.
	listedSource = regexp.MustCompile(`(?m)^\| ([A-Z]\d+) \|`)
)

// shownBy is the heading of the column of docs/dns.md with what shows a claim.
const shownBy = "Shown by"

// TestDNS checks that each row about Roster in docs/dns.md names what shows it, that all
// tests and groups of cases that it names exist, and that its sources are those listed.
func TestDNS(t *testing.T) {
	t.Parallel()
	text, tests := document(t, "dns.md"), readSources(t).tests
	rows, column := 0, 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			column = 0
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch heading := slices.Index(cells, shownBy); {
		case heading > 0:
			column = heading
		case column > 0 && strings.Trim(line, "|-\n") != "":
			rows++
			if proof := cells[column]; !namedTest.MatchString(proof) && !namedCases.MatchString(proof) {
				t.Errorf("row %q names neither a test nor a file of cases", cells[1])
			}
		}
	}
	if rows == 0 {
		t.Errorf("no row is about Roster")
	}
	for _, found := range namedTest.FindAllStringSubmatch(text, -1) {
		if !tests[found[1]] {
			t.Errorf("there is no test %s", found[1])
		}
	}
	for _, found := range namedCases.FindAllStringSubmatch(text, -1) {
		cases, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "test/conformance/testdata/cases", found[1]))
		if err != nil {
			t.Error(err)
		} else if group := found[2]; group != "" && !strings.Contains(string(cases), "\n## "+group+"\n") {
			t.Errorf("%s has no group %q", found[1], group)
		}
	}
	named, listed := codes(namedSource, text), codes(listedSource, text)
	if !slices.Equal(named, listed) {
		t.Errorf("sources %q are named, and %q listed", named, listed)
	}
}

// codes returns what an expression finds of sources in a text, in order and each once.
func codes(expression *regexp.Regexp, text string) (found []string) {
	for _, match := range expression.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}
