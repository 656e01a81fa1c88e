package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// exactly checks that a command has the arguments that its usage line names,
// such as "SERVICE ID".
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		_, name, _ := strings.Cut(cmd.CommandPath(), " ")
		switch {
		case len(args) < len(names):
			return usagef("%s: missing %s", name, strings.Join(names[len(args):], " and "))
		case len(args) > len(names):
			return usagef("%s: unexpected argument %q", name, args[len(names)])
		}
		return nil
	}
}
