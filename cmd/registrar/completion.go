package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// shells are those that there are completion scripts for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletionCommand(a *app) *cobra.Command {
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
				return writeBashCompletion(a.stdout, root)
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
