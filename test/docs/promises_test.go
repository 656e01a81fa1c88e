package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// promises is how many docs/promises.md has, each under a heading with its number.
const promises = 8

var (
	namedTest   = regexp.MustCompile("`([a-z0-9_/]+\\.(?:Test|Fuzz|Benchmark)[A-Z]\\w*)`")
	anyTestName = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	numbered    = regexp.MustCompile(`^[1-9]\. `)
)

// TestPromises checks that every promise of docs/promises.md names a test that
// shows it, and that all tests that the document names exist.
func TestPromises(t *testing.T) {
	t.Parallel()
	text, tests := document(t, "promises.md"), readSources(t).tests
	for _, found := range namedTest.FindAllStringSubmatch(text, -1) {
		if !tests[found[1]] {
			t.Errorf("there is no test %s", found[1])
		}
	}
	if name := anyTestName.FindString(namedTest.ReplaceAllString(text, "")); name != "" {
		t.Errorf("%s is named without its folder, so that nothing tells whether it exists", name)
	}
	kept := 0
	for _, section := range strings.Split(text, "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		if !numbered.MatchString(title) {
			continue
		}
		kept++
		if !namedTest.MatchString(body) {
			t.Errorf("promise %q names no test", title)
		}
	}
	if kept != promises {
		t.Errorf("%d promises, want %d", kept, promises)
	}
}
