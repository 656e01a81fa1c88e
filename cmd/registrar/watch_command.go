package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/command"
	"github.com/rosterdns/roster/registrar"
)

// splitCommand splits the arguments of a command that can run another one behind "--".
// Ahead of it there have to be those that its usage line names. The command is nil where
// there is none.
func splitCommand(cmd *cobra.Command, args []string, names ...string) (own, command []string, err error) {
	own = args
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		if own, command = args[:dash], args[dash:]; len(command) == 0 {
			return nil, nil, usagef("%s: missing CMD behind --", cmd.Name())
		}
	} else if len(args) > len(names) {
		return nil, nil, usagef("%s: unexpected argument %q: write -- before a command to run", cmd.Name(), args[len(names)])
	}
	return own, command, exactly(names...)(cmd, own)
}

// newCommand returns a command that the user has given. Its output is that of this
// process, without what this process puts between itself and its messages: what the
// command leaves behind can go on to write.
func newCommand(stdout io.Writer, args []string) (*command.Command, error) {
	c := &command.Command{Args: args, Stdout: stdout, Stderr: os.Stderr, Grace: command.DefaultGrace}
	if err := c.Check(); err != nil {
		return nil, usagef("CMD: %w", err)
	}
	return c, nil
}

// commandFailed returns a function that tells the user that a command has failed.
func commandFailed(a *app) func(err error, pause time.Duration) {
	const rounded = 100 * time.Millisecond
	return func(err error, pause time.Duration) {
		a.notef("command failed: %v; it runs again in %v", err, pause.Round(rounded))
	}
}

// command runs a command for each set of a service.
func (w *watch) command(ctx context.Context, name string, args []string) error {
	if w.globals.output != formatTable {
		return usagef("watch: -o %s and CMD cannot be used together: CMD gets JSON", w.globals.output)
	}
	c, err := newCommand(w.stdout, args)
	if err != nil {
		return err
	}
	run := func(ctx context.Context, s *registrar.Service) error {
		var set bytes.Buffer
		if err := writeData(&set, formatJSONL, s); err != nil {
			return err
		}
		return c.Run(ctx, set.Bytes(), setEnvironment(s))
	}
	runner := command.NewRunner(ctx, run, commandFailed(w.app))
	defer runner.Close()
	show := func(s *registrar.Service) error {
		runner.Submit(s)
		return nil
	}
	return (&following{app: w.app, name: name, show: sets(w.app, show)}).run(ctx)
}

// setEnvironment returns the variables for a command that gets a set. The instances are
// not among them: many would be more than a system takes.
func setEnvironment(s *registrar.Service) []string {
	return []string{
		"ROSTER_NAMESPACE=" + s.Namespace,
		"ROSTER_SERVICE=" + s.Name,
		"ROSTER_REVISION=" + strconv.FormatInt(s.Revision, 10),
		"ROSTER_INSTANCES=" + strconv.Itoa(len(s.Instances)),
	}
}
