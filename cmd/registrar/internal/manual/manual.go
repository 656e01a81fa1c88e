// Package manual makes man pages of the commands of a program.
package manual

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Section is that of programs of users.
const Section = "1"

// Exit is an exit code and what it says.
type Exit struct {
	Code    int
	Meaning string
}

// Variable is a variable of the environment and what it says.
type Variable struct{ Name, Meaning string }

// Manual is what the pages of all commands of a program have in common.
type Manual struct {
	Version string
	Exits   []Exit
	// Variable returns the variable of the environment that stands for a flag that all
	// commands have.
	Variable func(flag string) string
	// Variables are others.
	Variables []Variable
}

// Name returns the name of the page of a command, such as registrar-get.
func Name(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// Page returns the page of a command.
func (m *Manual) Page(cmd *cobra.Command) []byte {
	p := &page{}
	p.printf("%% %q %q %q %q %q\n", strings.ToUpper(Name(cmd)), Section, "", cmd.Root().Name()+" "+m.Version, "Roster")
	p.section("name")
	p.printf("%s - %s\n", Name(cmd), escape(cmd.Short))
	p.section("synopsis")
	path, rest, _ := strings.Cut(cmd.UseLine(), cmd.Name())
	p.printf("**%s%s**%s\n", path, cmd.Name(), escape(rest))
	p.section("description")
	p.text(cmd.Long, cmd.Short)
	p.commands(cmd)
	p.flags("options", cmd.LocalNonPersistentFlags())
	if !cmd.HasParent() {
		p.flags("global options", cmd.PersistentFlags())
		p.environment(m, cmd.PersistentFlags())
	}
	p.section("exit status")
	for _, e := range m.Exits {
		p.entry(fmt.Sprint(e.Code), escape(e.Meaning))
	}
	p.section("examples")
	p.code(strings.Split(cmd.Example, "\n"))
	p.seeAlso(cmd)
	return narrow(md2man.Render(p.Bytes()))
}

// page is the Markdown of a page.
type page struct{ bytes.Buffer }

func (p *page) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *page) section(name string) { p.printf("\n# %s\n", strings.ToUpper(name)) }

// entry is one of a list of what is explained. The name is Markdown.
func (p *page) entry(name, text string) { p.printf("\n%s\n:   %s\n", name, text) }

// text writes a long text, or a short one where there is none. Its lines that are indented
// are shown as they are.
func (p *page) text(long, short string) {
	if long == "" {
		long = short + "."
	}
	var shown []string
	for line := range strings.SplitSeq(long, "\n") {
		if strings.HasPrefix(line, "  ") {
			shown = append(shown, line)
			continue
		}
		p.code(shown)
		shown = nil
		p.printf("%s\n", escape(line))
	}
	p.code(shown)
}

// code writes lines that are shown as they are.
func (p *page) code(lines []string) {
	if len(lines) == 0 {
		return
	}
	p.printf("\n```\n%s\n```\n\n", strings.Join(lines, "\n"))
}

func (p *page) commands(cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	p.section("commands")
	for _, sub := range available(cmd) {
		p.entry("**"+sub.Name()+"**", escape(sub.Short))
	}
}

func (p *page) flags(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	p.section(title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		placeholder, usage := pflag.UnquoteUsage(f)
		name := "**--" + f.Name + "**"
		if f.Shorthand != "" {
			name = "**-" + f.Shorthand + "**, " + name
		}
		if placeholder != "" {
			name += " " + escape(placeholder)
		}
		if !strings.Contains(usage, "(default") && !slices.Contains(zeroes, f.DefValue) {
			usage += " (default " + strings.Trim(f.DefValue, "[]") + ")"
		}
		p.entry(name, escape(usage))
	})
}

// zeroes are the defaults that go without saying.
var zeroes = []string{"", "0", "0s", "false", "[]"}

func (p *page) environment(m *Manual, flags *pflag.FlagSet) {
	p.section("environment")
	flags.VisitAll(func(f *pflag.Flag) {
		p.entry("**"+escape(m.Variable(f.Name))+"**", "--"+f.Name)
	})
	for _, v := range m.Variables {
		p.entry("**"+escape(v.Name)+"**", escape(v.Meaning))
	}
}

func (p *page) seeAlso(cmd *cobra.Command) {
	var names []string
	if cmd.HasParent() {
		names = append(names, Name(cmd.Parent()))
		if root := Name(cmd.Root()); root != names[0] {
			names = append(names, root)
		}
	}
	for _, sub := range available(cmd) {
		names = append(names, Name(sub))
	}
	for i, name := range names {
		names[i] = "**" + name + "**(" + Section + ")"
	}
	p.section("see also")
	p.printf("%s\n", strings.Join(names, ", "))
}

// available returns the commands below one that have a page.
func available(cmd *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(cmd.Commands()), func(sub *cobra.Command) bool { return !sub.IsAvailableCommand() })
}

// escape keeps Markdown from taking text for anything else.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]<>#+!|~&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// narrow indents what is shown as it is by as much as help does, and not by as much as
// man does, for which its lines would be too long.
func narrow(roff []byte) []byte {
	roff = bytes.ReplaceAll(roff, []byte("\n.EX\n"), []byte("\n.in 0\n.EX\n"))
	return bytes.ReplaceAll(roff, []byte("\n.EE\n"), []byte("\n.EE\n.in\n"))
}
