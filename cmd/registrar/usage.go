package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the width of help in characters: that of a terminal as it opens.
const helpWidth = 80

// usageTemplate is cobra's, but flags with a long description wrap as the other texts do,
// and of the flags that all commands have, only the help of the program explains each: they
// would push the flags of a command off the screen.
func usageTemplate(root *cobra.Command) string {
	return strings.NewReplacer(
		"Global Flags:\n{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}", "Global Flags (see 'registrar --help'):\n"+globalFlags(root.PersistentFlags()),
		".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", helpWidth),
		// A command with others below it does nothing by itself.
		"{{if .Runnable}}\n  {{.UseLine}}{{end}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}\n  {{.UseLine}}{{end}}",
	).Replace(root.UsageTemplate())
}

// globalFlags names flags, in lines that fit help.
func globalFlags(flags *pflag.FlagSet) string {
	const indent = " "
	var lines strings.Builder
	line := indent
	flags.VisitAll(func(f *pflag.Flag) {
		name := " --" + f.Name
		if f.Shorthand != "" {
			name = " -" + f.Shorthand + "/--" + f.Name
		}
		if len(line)+len(name) > helpWidth {
			lines.WriteString(line + "\n")
			line = indent
		}
		line += name
	})
	return lines.String() + line
}
