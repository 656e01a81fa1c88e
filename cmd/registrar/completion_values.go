package main

import (
	"net"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/registrar"
)

// mustComplete lets shells complete the values of a flag.
func mustComplete(cmd *cobra.Command, flag string, values []string) {
	mustCompleteBy(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// mustCompleteBy is mustComplete for values that a function finds.
func mustCompleteBy(cmd *cobra.Command, flag string, find cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, find); err != nil {
		panic(err) // the flag is not defined: a mistake in this program
	}
}

// completeAddress offers the network interfaces that have an address to register, and
// those addresses.
func completeAddress(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var interfaces, addresses []cobra.Completion
	all, _ := net.Interfaces() // without them there is nothing to offer
	for _, i := range all {
		found, err := registrar.LocalAddresses(cmd.Context(), i.Name)
		if err != nil {
			continue
		}
		var texts []string
		for _, a := range found {
			texts = append(texts, a.String())
			addresses = append(addresses, cobra.CompletionWithDesc(a.String(), i.Name))
		}
		interfaces = append(interfaces, cobra.CompletionWithDesc(localaddr.InterfaceScheme+i.Name, strings.Join(texts, ", ")))
	}
	return append(interfaces, addresses...), cobra.ShellCompDirectiveNoFileComp
}

// completeCommand offers the commands below those that are there already.
func completeCommand(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	if target, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
		for _, sub := range target.Commands() {
			if sub.IsAvailableCommand() {
				found = append(found, cobra.CompletionWithDesc(sub.Name(), sub.Short))
			}
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// flagCompletions are those of flags that several commands have.
var flagCompletions = map[string]cobra.CompletionFunc{"address": completeAddress}

// filePlaceholder is how flags call a value that is a file.
const filePlaceholder = "FILE"

// completeFlags says what shells offer for the flags of a command, and of all below it,
// that don't say it themselves: files only where the value is one.
func completeFlags(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		placeholder, _ := pflag.UnquoteUsage(f)
		_, has := cmd.GetFlagCompletionFunc(f.Name)
		find := flagCompletions[f.Name]
		if find == nil {
			find = cobra.NoFileCompletions
		}
		if !has && placeholder != filePlaceholder {
			mustCompleteBy(cmd, f.Name, find)
		}
	})
	for _, sub := range cmd.Commands() {
		completeFlags(sub)
	}
}
