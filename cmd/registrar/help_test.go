package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands returns all commands, with the root at first.
func commands() []*cobra.Command { return below(newRootCommand(newBench(nil).app)) }

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

// TestEveryCommandIsInTheDocument checks that docs/cli.md has a section for each command,
// with at least one call of it and of each command below it.
func TestEveryCommandIsInTheDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	document := "\n" + string(text)
	for _, cmd := range commands()[1:] {
		if !cmd.Parent().HasParent() && !regexp.MustCompile(`\n## ([a-z]+ and )?`+cmd.Name()+`( and [a-z]+)?\n`).MatchString(document) {
			t.Errorf("docs/cli.md has no section %q", cmd.Name())
		}
		if !cmd.HasAvailableSubCommands() && !regexp.MustCompile(`\n\$ [^\n]*\b`+cmd.CommandPath()+`\b`).MatchString(document) {
			t.Errorf("docs/cli.md doesn't show what %q prints", cmd.CommandPath())
		}
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

// TestHelpOfOneCommand is about what it leaves to the help of the program: global flags are
// named, and only that explains them.
func TestHelpOfOneCommand(t *testing.T) {
	t.Parallel()
	_, help, _ := newBench(nil).run(t, "--help")
	_, own, _ := newBench(nil).run(t, "drain", "--help")
	commands()[0].PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(help, "--"+f.Name+" ") || !strings.Contains(own, "--"+f.Name) {
			t.Errorf("--%s is missing in the help of the program, or that of drain", f.Name)
		}
	})
	if first := strings.Count(own, "NAME of the etcd user"); first > 0 {
		t.Errorf("drain explains a global flag:\n%s", own)
	}
}

func TestEveryCommandIsInAGroup(t *testing.T) {
	t.Parallel()
	root := newRootCommand(newBench(nil).app)
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if !root.ContainsGroup(cmd.GroupID) || cmd.GroupID == "" {
			t.Errorf("%s is in no group", cmd.Name())
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
			root := newRootCommand(newBench(nil).app)
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
