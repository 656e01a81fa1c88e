package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the width of help in characters: that of a terminal as it opens.
const helpWidth = 80

// run runs the command with its arguments and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return report(a.stderr, cmd.CommandPath(), err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "registrar",
		Short: "Register services in Roster and read them back",
		Long: `Registrar registers services in a Roster registry in etcd, from which DNS
servers answer, and reads them back.

SERVICE is NAME or NAMESPACE/NAME. A plain NAME is in the namespace given by -n,
or in "default".

Each global flag can also be set in the environment: --password-file as
REGISTRAR_PASSWORD_FILE, and so on. A flag overrides its variable.

Exit codes: 0 success, 1 failure, 2 usage error or invalid input, 3 not found,
4 etcd unavailable, 5 permission denied, 6 timeout.`,
		Example: `  registrar register orders --port http:8080
  registrar get orders -o json
  registrar list --namespace prod`,
		Version: readVersion().Version,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.HasParent() {
				return nil // it shows help
			}
			return a.readEnvironment(cmd.Root().PersistentFlags())
		},
		SilenceErrors:              true,
		SuggestionsMinimumDistance: suggestionDistance,
		SilenceUsage:               true,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true}, // ours refuses unknown shells
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	// Flags with a long description wrap as the other texts do.
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", helpWidth)))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	a.globals.add(root.PersistentFlags())
	mustComplete(root, "output", strings.Split(formatNames(" "), " "))
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		a.registerCommand(), a.unregisterCommand(), a.runCommand(), a.checkCommand(),
		a.listCommand(), a.getCommand(), a.policyCommand(),
		a.completionCommand(), a.versionCommand(),
	)
	return root
}

// helpCommand is cobra's, but an unknown command is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show help for a command",
		Example: "  registrar help register",
		// Help must be there for who has set a variable wrongly.
		PersistentPreRun: func(*cobra.Command, []string) {},
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("help: unknown command %q", strings.Join(args, " "))
			}
			return target.Help()
		},
	}
}
