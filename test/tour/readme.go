package tour

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// README returns the tour of the repository's README, with what its text says of
// each step.
func README(t testing.TB) []Step {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := Steps(document)
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	said := []Step{
		{Kind: Server},
		{
			Kind:  Shell,
			Until: []string{"registered default/orders/a ", "registered default/orders/b "},
			Shown: []string{"a.orders.default.svc.internal", "b.orders.default.svc.internal"},
		},
		{Kind: Shell, Check: func(out string) error {
			return mentions(out, []string{
				"\na 127.0.0.1 http:8080/tcp up ", "\nb 127.0.0.1 http:8081/tcp up ", // get
				"\n127.0.0.1\n", // dig A +short
				" SRV 0 100 8080 a.orders.default.svc.internal.\n", " SRV 0 100 8081 b.orders.default.svc.internal.\n",
				"a.orders.default.svc.internal. 5 IN A 127.0.0.1\n", "b.orders.default.svc.internal. 5 IN A 127.0.0.1\n",
			})
		}},
		{Kind: Shell, Check: func(out string) error {
			return mentions(out, []string{"b.orders.default.svc.internal."}, "a.orders")
		}},
		{
			Kind:  Program,
			Until: []string{"b [127.0.0.1] 8081\n", "c [127.0.0.1] 8082\n"},
			Shown: []string{"c.orders.default.svc.internal"},
			Check: func(out string) error { return mentions("\n"+out, nil, "\na ") },
			Gone:  []string{"c.orders.default.svc.internal"},
		},
		{Kind: Shell, Check: func(out string) error {
			return mentions(out, []string{"\n127-0-0-1-8083 127.0.0.1 http:8083/tcp up "})
		}},
	}
	if len(steps) != len(said) {
		t.Fatalf("README.md: the tour has %d steps, and the test knows what %d of them do", len(steps), len(said))
	}
	for i := range steps {
		if steps[i].Kind != said[i].Kind {
			t.Fatalf("README.md:%d: the step is of the kind %q, and the test knows it as %q", steps[i].Line, steps[i].Kind, said[i].Kind)
		}
		step := said[i]
		step.Text, step.Line = steps[i].Text, steps[i].Line
		steps[i] = step
	}
	return steps
}

func mentions(out string, want []string, not ...string) error {
	for _, text := range want {
		if !strings.Contains(out, text) {
			return fmt.Errorf("printed:\n%s\nwant %q", out, text)
		}
	}
	for _, text := range not {
		if strings.Contains(out, text) {
			return fmt.Errorf("printed:\n%s\ndon't want %q", out, text)
		}
	}
	return nil
}
