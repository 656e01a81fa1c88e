package main

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands returns all commands, with the root at first.
func commands() []*cobra.Command { return below(newBench(nil).app.rootCommand()) }

// below returns a command and those below it.
func below(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		list = append(list, below(sub)...)
	}
	return list
}

func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	for _, cmd := range commands() {
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s lacks a short text or examples", cmd.CommandPath())
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			placeholder, usage := pflag.UnquoteUsage(f)
			if len(usage) < 10 && f.Name != "help" {
				t.Errorf("%s --%s has no usage text", cmd.CommandPath(), f.Name)
			}
			if f.Value.Type() != "bool" && (placeholder == "" || placeholder == f.Value.Type()) {
				t.Errorf("%s --%s doesn't say what its value is: write it in backquotes", cmd.CommandPath(), f.Name)
			}
		})
	}
}

func TestHelpFitsATerminal(t *testing.T) {
	t.Parallel()
	for _, cmd := range commands() {
		_, help, _ := newBench(nil).run(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		if help == "" {
			t.Errorf("%s has no help", cmd.CommandPath())
		}
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
				t.Errorf("%s: a line has %d characters: %q", cmd.CommandPath(), n, line)
			}
		}
	}
}

// invocation finds the calls of this program in a line of shell.
var invocation = regexp.MustCompile(`registrar( [^|>)]*)?`)

func TestExamplesParse(t *testing.T) {
	t.Parallel()
	found := 0
	for _, cmd := range commands() {
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			call := invocation.FindString(line)
			if call == "" {
				t.Errorf("%s: example %q doesn't call registrar", cmd.CommandPath(), line)
			}
			found++
			args := strings.Fields(strings.ReplaceAll(call, "'", ""))[1:]
			root := newBench(nil).app.rootCommand()
			target, rest, err := root.Find(args)
			if err == nil {
				err = target.ParseFlags(rest)
			}
			if err == nil {
				err = target.ValidateArgs(target.Flags().Args())
			}
			if err != nil || target == root && len(args) > 0 {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			}
			if cmd.HasParent() && target.Name() != cmd.Name() && !strings.Contains(line, "registrar "+cmd.Name()) {
				t.Errorf("%s: example %q is of %s", cmd.CommandPath(), line, target.CommandPath())
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d examples were found", found)
	}
}

func TestEveryGlobalFlagHasAVariable(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"endpoints": "REGISTRAR_ENDPOINTS", "prefix": "REGISTRAR_PREFIX", "namespace": "REGISTRAR_NAMESPACE",
		"output": "REGISTRAR_OUTPUT", "timeout": "REGISTRAR_TIMEOUT", "cacert": "REGISTRAR_CACERT",
		"cert": "REGISTRAR_CERT", "key": "REGISTRAR_KEY", "user": "REGISTRAR_USER",
		"password-file": "REGISTRAR_PASSWORD_FILE", "verbose": "REGISTRAR_VERBOSE", "quiet": "REGISTRAR_QUIET", "zone": "REGISTRAR_ZONE",
	}
	commands()[0].PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if got := environmentName(f.Name); got != want[f.Name] {
			t.Errorf("--%s has the variable %s, want %q", f.Name, got, want[f.Name])
		}
		delete(want, f.Name)
	})
	for flag := range want {
		t.Errorf("--%s is missing", flag)
	}
}
