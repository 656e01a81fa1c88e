package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/manual"
)

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages of this program",
		Long: `Man writes a page in the format of man for each command into the folder DIR,
which is made if it isn't there: registrar.1, registrar-get.1 and so on.`,
		Example: `  registrar man /usr/local/share/man/man1
  registrar man .`,
		PersistentPreRun: func(*cobra.Command, []string) {}, // no variable changes the pages
		Args:             exactly("DIR"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // pages are for everybody
				return fmt.Errorf("DIR: %w", err)
			}
			m := manual.Manual{Version: readVersion().Version, Exits: exits, Variable: environmentName, Variables: variables}
			return writePages(&m, cmd.Root(), args[0])
		},
	}
}

// exits say of the exit codes what all pages say.
var exits = []manual.Exit{
	{Code: exitOK, Meaning: "success"},
	{Code: exitFailure, Meaning: "failure"},
	{Code: exitUsage, Meaning: "usage error or invalid input"},
	{Code: exitNotFound, Meaning: "not found"},
	{Code: exitUnavailable, Meaning: "etcd unavailable"},
	{Code: exitPermission, Meaning: "permission denied"},
	{Code: exitTimeout, Meaning: "timeout"},
}

// variables are those that are no flags.
var variables = []manual.Variable{
	{Name: "NO_COLOR", Meaning: "if it is not empty, the output has no colours on a terminal"},
}

// writePages writes the pages of a command and those below it.
func writePages(m *manual.Manual, cmd *cobra.Command, folder string) error {
	path := filepath.Join(folder, manual.Name(cmd)+"."+manual.Section)
	if err := os.WriteFile(path, m.Page(cmd), 0o644); err != nil { //nolint:gosec // pages are for everybody
		return err
	}
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := writePages(m, sub, folder); err != nil {
			return err
		}
	}
	return nil
}
