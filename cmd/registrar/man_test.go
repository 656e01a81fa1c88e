package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/cmd/registrar/internal/manual"
)

// TestEveryCommandHasAPage with all that a reader looks for, for a terminal of 80
// columns. Text is filled by man; what is shown as it is has to fit.
func TestEveryCommandHasAPage(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "man1")
	if code, stdout, stderr := newBench(nil).run(t, "man", folder); code != exitOK || stdout+stderr != "" {
		t.Fatalf("exit code %d, wrote %q, said %q", code, stdout, stderr)
	}
	pages := 0
	for _, cmd := range commands() {
		text, err := os.ReadFile(filepath.Join(folder, manual.Name(cmd)+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		pages++
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"} {
			_, body, ok := strings.Cut(string(text), "\n.SH "+section+"\n")
			if body, _, _ = strings.Cut(body, "\n.SH "); !ok || strings.TrimSpace(body) == "" {
				t.Errorf("%s has no section %s", manual.Name(cmd), section)
			}
		}
		for _, e := range exits {
			if !strings.Contains(string(text), fmt.Sprintf("\n%d\n%s\n", e.Code, e.Meaning)) {
				t.Errorf("%s does not tell exit code %d", manual.Name(cmd), e.Code)
			}
		}
		checkShown(t, manual.Name(cmd), string(text))
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != pages {
		t.Errorf("%d files for %d commands (%v)", len(files), pages, err)
	}
}

// checkShown checks what a page shows as it is.
func checkShown(t *testing.T, name, page string) {
	t.Helper()
	for i, block := range strings.Split(page, "\n.EX\n") {
		block, _, _ = strings.Cut(block, "\n.EE\n")
		for line := range strings.SplitSeq(block, "\n") {
			if shown := strings.NewReplacer(`\\`, `\`, `\-`, "-").Replace(line); i > 0 && len([]rune(shown)) > helpWidth {
				t.Errorf("%s shows a line of %d characters: %q", name, len(shown), shown)
			}
		}
	}
}
