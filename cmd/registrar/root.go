package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// run runs the command with its arguments and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return report(a.stderr, cmd.CommandPath(), err)
}

// rootHelp is what the program says of itself.
const rootHelp = `Registrar registers services in a Roster registry in etcd, from which DNS
servers answer, and reads them back.

SERVICE is NAME or NAMESPACE/NAME. A plain NAME is in the namespace given by -n,
or in "default".

Each global flag can also be set in the environment: --password-file as
REGISTRAR_PASSWORD_FILE, and so on. A flag overrides its variable. With NO_COLOR
the output has no colours on a terminal.

Exit codes: 0 success, 1 failure, 2 usage error or invalid input, 3 not found,
4 etcd unavailable, 5 permission denied, 6 timeout.`

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "registrar",
		Short: "Register services in Roster and read them back",
		Long:  rootHelp,
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
			return readEnvironment(a.getenv, cmd.Root().PersistentFlags())
		},
		SilenceErrors:              true,
		SuggestionsMinimumDistance: suggestionDistance,
		SilenceUsage:               true,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true}, // ours refuses unknown shells
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	a.globals.add(root.PersistentFlags())
	root.Flags().SortFlags = false // for help
	root.SetUsageTemplate(usageTemplate(root))
	root.SetHelpCommand(helpCommand())
	mustCompleteBy(root, "namespace", completer{a}.namespaces)
	mustComplete(root, "output", strings.Split(formatNames(" "), " "))
	addCommands(a, root)
	completeFlags(root)
	return root
}

// addCommands adds all commands, in groups by what they are for.
func addCommands(a *app, root *cobra.Command) {
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Registering", []*cobra.Command{newRegisterCommand(a), newRunCommand(a), newCheckCommand(a), newUnregisterCommand(a)}},
		{"Reading", []*cobra.Command{newListCommand(a), newGetCommand(a), newWaitCommand(a), newWatchCommand(a), newRenderCommand(a)}},
		{"Operating", []*cobra.Command{
			newDrainCommand(a), newUndrainCommand(a), newPolicyCommand(a), newStatusCommand(a), newDoctorCommand(a),
			newResolveCommand(a), newExportCommand(a), newImportCommand(a), newRbacCommand(a),
		}},
		{"Other", []*cobra.Command{newCompletionCommand(a), newManCommand(), newVersionCommand(a)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title + ":"})
		for _, cmd := range g.commands {
			cmd.GroupID = g.title
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("Other")
}

// helpCommand is cobra's, but an unknown command is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show help for a command",
		Example: "  registrar help register",

		ValidArgsFunction: completeCommand,
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
