package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

// TestTour takes the README's tour, at ports that are free.
func TestTour(t *testing.T) {
	t.Parallel()
	port := func() string { return fmt.Sprint(harness.FreePort(t)) }
	dnsPort, etcdPort := port(), port()
	replace := strings.NewReplacer(
		"1053", dnsPort, "2379", etcdPort, "8181", port(), "9153", port(),
		"make run", tour.RunCommand(t),
	)
	programs := t.TempDir()
	install(t, programs, "dig")
	tour.Run(t, tour.README(t), tour.Options{
		Dir:     tour.Workspace(t, replace),
		Replace: replace,
		Env: append(tour.WorkspaceEnv(),
			"PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"),
			"REGISTRAR_ENDPOINTS=http://127.0.0.1:"+etcdPort),
		Dig: func(t testing.TB, name, qtype string) (string, error) {
			t.Helper()
			m, err := harness.Ask(t.Context(), "127.0.0.1:"+dnsPort, harness.Question{Name: name, Type: dns.StringToType[qtype]})
			if err != nil {
				return "", err
			}
			return strings.Join(harness.Records(m.Answer), "\n"), nil
		},
	})
}

// TestReadmeLog checks that the lines of the server's log that the README names,
// for readers to wait for, are in the sources.
func TestReadmeLog(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("`plugin/roster: ([^`]+)`").FindAllSubmatch(text, -1)
	if len(found) == 0 {
		t.Error("no line says when the server is ready")
	}
	logs := readSources(t).logs
	for _, f := range found {
		if !slices.Contains(logs, string(f[1])) {
			t.Errorf("no log has the line %q", f[1])
		}
	}
}
