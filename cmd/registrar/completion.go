package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
)

// shells are those that there are completion scripts for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for a shell",
		Long:  "Completion prints a script with which a shell completes the commands, flags and\nservices of this program. SHELL is one of " + strings.Join(shells, ", ") + ".",
		Example: `  source <(registrar completion bash)
  registrar completion zsh > "${fpath[1]}/_registrar"
  registrar completion fish > ~/.config/fish/completions/registrar.fish
  registrar completion powershell | Out-String | Invoke-Expression`,
		PersistentPreRun:  func(*cobra.Command, []string) {}, // no variable changes the script
		Args:              exactly("SHELL"),
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			default:
				return usagef("completion: unsupported shell %q: must be one of %s", args[0], strings.Join(shells, ", "))
			}
		},
	}
}

// completionTimeout bounds how long a shell hangs when etcd is away.
const completionTimeout = time.Second

// complete is oneShot for shells. What fails offers nothing: there is nowhere
// to tell of it.
func (a *app) complete(cmd *cobra.Command, find func(context.Context, *registrar.Client) ([]string, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	if a.readEnvironment(cmd.Root().PersistentFlags()) != nil {
		return nil, none
	}
	a.globals.timeout = min(a.globals.timeout, completionTimeout)
	var names []string
	err := a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) (err error) {
		names, err = find(ctx, client)
		return err
	})
	if err != nil {
		return nil, none
	}
	return names, none
}

// completeService offers services: by name alone those of the namespace, and
// by full name all, unless -n names a namespace.
func (a *app) completeService(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return cobra.NoFileCompletions(cmd, args, "")
	}
	return a.complete(cmd, func(ctx context.Context, client *registrar.Client) ([]string, error) {
		names, err := client.List(ctx, a.namespace())
		if err != nil || a.globals.namespace != "" {
			return names, err
		}
		all, err := client.List(ctx, "")
		return append(names, all...), err
	})
}

// completeServiceNames offers services by full name, for a list with commas.
func (a *app) completeServiceNames(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
	return a.complete(cmd, func(ctx context.Context, client *registrar.Client) ([]string, error) {
		names, err := client.List(ctx, "")
		for i := range names {
			names[i] = before + names[i]
		}
		return names, err
	})
}

// completeInstance offers services, and then the IDs of one's instances.
func (a *app) completeInstance(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return a.completeService(cmd, args, toComplete)
	}
	return a.complete(cmd, func(ctx context.Context, client *registrar.Client) ([]string, error) {
		name, err := a.parseName(args[0])
		if err != nil {
			return nil, err
		}
		if err := contact(ctx, client, name.Namespace, name.Service); err != nil {
			return nil, err
		}
		name.Selector.AnyStatus = true
		s, err := getService(ctx, client, name.String())
		if err != nil {
			return nil, err
		}
		ids := make([]string, len(s.Instances))
		for i, in := range s.Instances {
			ids[i] = in.ID
		}
		return ids, nil
	})
}

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

// completeServices offers services for each argument.
func (a *app) completeServices(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeService(cmd, nil, toComplete)
}
