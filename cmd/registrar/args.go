package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// suggestionDistance is one letter too few, too many or wrong, or two of them
// swapped.
const suggestionDistance = 2

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

// unknownCommand refuses the arguments of the root command, which come from a
// command that there is not.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		return usagef("unknown command %q: did you mean %s?", args[0], strings.Join(similar, " or "))
	}
	return usagef("unknown command %q", args[0])
}
