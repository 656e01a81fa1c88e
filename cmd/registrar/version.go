package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set at link time: -ldflags "-X main.version=v1.2.3". Where it is
// not, the module's own version is shown.
var version string

// versionInfo is what the version command shows.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source
	Modified bool   `json:"modified,omitempty"` // after that revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		Example: "  registrar version\n  registrar version -o json",
		Args:    exactly(),
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			if err := readEnvironment(a.getenv, cmd.Root().PersistentFlags()); err != nil {
				a.notef("warning: %v", err) // the version is needed most where something is wrong
			}
		},
		RunE: func(*cobra.Command, []string) error {
			v := readVersion()
			switch f := a.globals.output; {
			case f == formatName:
				_, err := fmt.Fprintln(a.stdout, v.Version)
				return err
			case f.isTable():
				_, err := fmt.Fprintf(a.stdout, "registrar %s %s %s\n", v.Version, v.Go, v.Platform)
				return err
			default:
				return writeData(a.stdout, f, v)
			}
		},
	}
}

func readVersion() versionInfo {
	v := versionInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		if v.Version == "" {
			v.Version = "(unknown)"
		}
		return v
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
