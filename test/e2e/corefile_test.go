package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// TestBadCorefile shows that each mistake in a Corefile stops the start with one
// line that names the place and the reason.
func TestBadCorefile(t *testing.T) {
	t.Parallel()
	wide := filepath.Join(t.TempDir(), "wide")
	if err := os.Mkdir(wide, 0o755); err != nil {
		t.Fatal(err)
	}
	roster := func(lines ...string) string {
		return block + "\troster {\n\t\t" + strings.Join(lines, "\n\t\t") + "\n\t}\n}\n"
	}
	etcdserver := func(dir string) string { return block + "\tetcdserver " + dir + "\n}\n" }
	const first = 7 // the line of the first property in a block of roster
	for name, test := range map[string]struct {
		corefile string
		line     int
		want     string
	}{
		"unknown property":   {roster("ttl 5", "shards 3"), first + 1, `unknown property "shards"`},
		"of a later version": {roster("http 127.0.0.1:8080"), first, `unknown property "http"`},
		"bad ttl":            {roster("ttl soon"), first, `"soon" is not a number of seconds`},
		"bad endpoint":       {roster("endpoint 127.0.0.1:2379"), 0, `"127.0.0.1:2379" is not a URL such as`},
		"bad prefix":         {roster("prefix /a//b"), first, "prefix"},
		"bad namespace":      {roster("namespaces Shop_1"), first, "Shop_1"},
		"no such file":       {roster("credentials_file {{dir}}/none"), 0, "no such file"},
		"password missing":   {roster("credentials user"), first, "needs a user and a password"},
		"roster twice":       {block + "\troster\n\troster\n}\n", 7, "roster appears twice in one server block"},
		"reverse zone only": {
			strings.Replace(block, "svc.internal:", "10.in-addr.arpa:", 1) + "\troster\n}\n", 6, "10.in-addr.arpa",
		},
		"etcdserver twice": {
			etcdserver("{{dir}}/a") + strings.Replace(etcdserver("{{dir}}/b"), "svc.internal", "other.internal", 1), 13, "etcdserver is already at",
		},
		"folder open to others": {etcdserver(wide), 6, "chmod 700"},
		"etcd in clear": {
			block + "\tetcdserver {{dir}}/etcd {\n\t\tlisten_client http://0.0.0.0:{{port \"etcd\"}}\n\t}\n}\n", 7, "not a loopback address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := harness.RunCoreDNS(t, test.corefile)
			if code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			// CoreDNS says how many processors it uses before it reads anything.
			if lines := slices.DeleteFunc(slices.Collect(strings.Lines(out)), func(line string) bool {
				return strings.HasPrefix(line, "maxprocs: ")
			}); len(lines) != 1 {
				t.Errorf("not one line:\n%s", out)
			}
			place := "Corefile:"
			if test.line > 0 {
				place += fmt.Sprint(test.line)
			}
			if !strings.Contains(out, place) || !strings.Contains(out, test.want) {
				t.Errorf("want the place %q and the reason %q in:\n%s", place, test.want, out)
			}
		})
	}
}
