//go:build acceptance

package acceptance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// resolvers are those that programs are linked with.
func resolvers() []client {
	types := []string{"A", "AAAA", "ANY"}
	source := func(t *testing.T, file string) string {
		t.Helper()
		return filepath.Join(harness.SourceRoot(), "test", "acceptance", "testdata", file)
	}
	compiled := func(name, compiler string, flags ...string) client {
		return client{
			name: name, needs: []string{compiler}, types: types, parse: parseLines,
			prepare: func(t *testing.T) string {
				t.Helper()
				return compile(t, compiler, flags, source(t, "getaddrinfo.c"))
			},
			command: func(_ *testing.T, program, qtype, name string) harness.Command {
				return harness.Command{Path: program, Args: []string{qtype, name}}
			},
		}
	}
	glibc := compiled("glibc", "gcc")
	glibc.nodata, glibc.nxdomain = "EAI_NODATA", "EAI_NONAME"
	// Before 1.2.4 it doesn't ask by TCP.
	musl := compiled("musl", "musl-gcc", "-static")
	musl.nodata, musl.nxdomain, musl.partial = "EAI_NONAME", "EAI_NONAME", true
	return []client{
		glibc, musl,
		{
			name: "go", types: append(types, "SRV", "TXT"), nodata: "no such host", nxdomain: "no such host", parse: parseLines,
			command: func(t *testing.T, _, qtype, name string) harness.Command {
				t.Helper()
				c := harness.Program(t, "resolve", qtype, name)
				c.Env = append(c.Env, "GODEBUG=netdns=go")
				return c
			},
		},
		{
			name: "node", needs: []string{"node"}, types: []string{"A", "AAAA", "SRV", "TXT"}, nodata: "ENODATA", nxdomain: "ENOTFOUND", parse: parseLines,
			command: func(t *testing.T, _, qtype, name string) harness.Command {
				t.Helper()
				return harness.Command{Path: "node", Args: []string{source(t, "resolve.mjs"), qtype, name}}
			},
		},
	}
}

// compile makes a program of a file in C, and returns its path.
func compile(t *testing.T, compiler string, flags []string, source string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	args := append(flags, "-Wall", "-o", program, source)
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", compiler, strings.Join(args, " "), err, out)
	}
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	return program
}

// parseLines reads an outcome and records, one a line. Package net and Node leave
// the dot at the end of names out, or don't.
func parseLines(out string) answer {
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	ans := answer{outcome: lines[0], records: lines[1:]}
	for i, record := range ans.records {
		if strings.HasSuffix(record, ".internal") {
			ans.records[i] += "."
		}
	}
	return ans
}
