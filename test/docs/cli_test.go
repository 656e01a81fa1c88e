package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rosterdns/roster/test/harness"
)

var update = flag.Bool("update", false, "write what the commands of docs/cli.md print into it")

// terminalWidth is that of a terminal as it opens.
const terminalWidth = 80

// captures are the blocks of docs/cli.md that are run: commands behind "$ ", each with
// what it prints.
var captures = regexp.MustCompile("(?s)(<!-- test:cli -->\n```console\n)(.*?)(```\n)")

// The addresses of etcd and of a DNS server in docs/cli.md. They are as long as those of the
// test, so that tables are as wide.
const (
	shownEtcd = "127.0.0.1:12379"
	shownDNS  = "127.0.0.1:10053"
)

// differences are what differs between one run and the next, beside those addresses, and what
// stands for it in a comparison.
var differences = []struct {
	found *regexp.Regexp
	shown string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:]+(Z|[+-]\d\d:\d\d)`), "TIME"},
	{regexp.MustCompile(`\b[0-9.]+[mµ]s\b`), "DURATION"},                            // doctor
	{regexp.MustCompile(`\b\d+\.\d+\.\d+( +leader|, leader)`), "VERSION$1"},         // of etcd: status, doctor
	{regexp.MustCompile(`\b\d+ KiB\b`), "SIZE"},                                     // status
	{regexp.MustCompile(`(127.0.0.1:\d+ +live +\d+ +)\d+( +)\d+s\b`), "$1 0 $2 0s"}, // status
	{regexp.MustCompile(`(?m)^registrar \S+ go\S+ \w+/\w+$`), "registrar VERSION"},
}

// cliCorefile is that of the DNS server.
const cliCorefile = `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	ready 127.0.0.1:{{port "ready"}}
	roster {
		endpoint %s
	}
}
`

// TestCLI runs the captures of docs/cli.md in order, on a registry of their own, and
// compares what they print. With the flag -update it writes that into the document.
func TestCLI(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := &session{dir: t.TempDir(), env: append(os.Environ(),
		"PATH="+filepath.Dir(harness.Binary(t, "registrar"))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"REGISTRAR_ENDPOINTS="+e.Endpoints[0])}
	dns := harness.StartCoreDNS(t, fmt.Sprintf(cliCorefile, e.Endpoints[0])).Addr(t)
	etcd := strings.TrimPrefix(e.Endpoints[0], "http://")
	here, there := strings.NewReplacer(shownEtcd, etcd, shownDNS, dns), strings.NewReplacer(etcd, shownEtcd, dns, shownDNS)
	if err := os.CopyFS(filepath.Join(s.dir, "examples"), os.DirFS(filepath.Join(harness.SourceRoot(), "examples"))); err != nil {
		t.Fatal(err)
	}
	blocks := 0
	text := document(t, "cli.md")
	ran := captures.ReplaceAllStringFunc(text, func(block string) string {
		blocks++
		parts := captures.FindStringSubmatch(block)
		prints := parts[1] + there.Replace(s.run(t, commandsOf(here.Replace(parts[2])))) + parts[3]
		if varying(prints) == varying(block) {
			return block // an update changes no times
		}
		return prints
	})
	if blocks == 0 {
		t.Fatal("docs/cli.md has no captures")
	}
	compareCaptures(t, "cli.md", text, ran)
}

// TestCLIFitsATerminal: what the document shows, and so what the commands print. Messages,
// and commands to copy, can be longer: a terminal wraps them.
func TestCLIFitsATerminal(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile("(?s)```console\n(.*?)```\n")
	for _, block := range shown.FindAllStringSubmatch(document(t, "cli.md"), -1) {
		for line := range strings.SplitSeq(block[1], "\n") {
			if utf8.RuneCountInString(line) > terminalWidth && !strings.HasPrefix(line, "registrar: ") && !strings.HasPrefix(line, "etcdctl ") {
				t.Errorf("a line is longer than %d characters: %s", terminalWidth, line)
			}
		}
	}
}
