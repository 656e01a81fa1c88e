package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rosterdns/roster/test/harness"
)

// TestScripts runs the transcripts of the command line in testdata/script, each
// in a namespace of its own of one registry. Beside testscript's own commands
// there are
//
//	exits CODE COMMAND…      runs a command that has to end with this exit code
//	dig NAME TYPE RECORD…    waits until DNS answers with exactly these records
//
// and $NS is the script's namespace, $DNS the DNS server.
func TestScripts(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	runScripts(t, external(t, e, "", "--endpoints", e.Endpoints[0]), "script", map[string]string{"REGISTRAR_ENDPOINTS": e.Endpoints[0]})
}

// TestScriptsWithUsers runs the transcripts in testdata/script-users as a user that may
// read the registry and not write it; $WRITER and $WRITER_PASSWORD are one that may write,
// the latter a file.
func TestScriptsWithUsers(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
	s := external(t, e, fmt.Sprintf("credentials %s %s", harness.Reader.Name, harness.Reader.Password))
	runScripts(t, s, "script-users", map[string]string{
		"REGISTRAR_ENDPOINTS": e.Endpoints[0],
		"REGISTRAR_USER":      harness.Reader.Name, "REGISTRAR_PASSWORD_FILE": secret(t, harness.Reader.Password),
		"WRITER": harness.Writer.Name, "WRITER_PASSWORD": secret(t, harness.Writer.Password),
	})
}

// runScripts runs the transcripts of a folder with variables.
func runScripts(t *testing.T, s *system, folder string, variables map[string]string) {
	t.Helper()
	bin := filepath.Dir(harness.Binary(t, "registrar"))
	addr := s.dns.Addr(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", folder),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			for name, value := range variables {
				env.Setenv(name, value)
			}
			namespace := "script-" + strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
			env.Setenv("REGISTRAR_NAMESPACE", namespace)
			env.Setenv("NS", namespace)
			env.Setenv("DNS", addr)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"dig": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 || dns.StringToType[args[1]] == 0 {
					ts.Fatalf("usage: dig NAME TYPE RECORD...")
				}
				ts.Check(showsInDNS(addr, args[0], dns.StringToType[args[1]], args[2:]))
			},
		},
	})
}

// showsInDNS waits until the records of a name are these.
func showsInDNS(addr, name string, qtype uint16, want []string) error {
	_, err := harness.Poll(harness.Patience, func() error {
		m, err := harness.Ask(context.Background(), addr, harness.Question{Name: name, Type: qtype, Size: harness.DefaultSize})
		if err != nil {
			return err
		}
		var got []string
		for _, rr := range m.Answer {
			got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		return differ("records", fmt.Sprintf("%q", sorted(got)), fmt.Sprintf("%q", sorted(want)))
	})
	return err
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code, err = exit.ExitCode(), nil
	}
	ts.Check(err)
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	for _, out := range []string{ts.ReadFile("stdout"), ts.ReadFile("stderr")} {
		if strings.Contains(out, "goroutine ") || strings.Contains(out, "panic: ") {
			ts.Fatalf("wrote a stack trace:\n%s", out)
		}
	}
}
