package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/cmd/registrar/internal/live"
	"github.com/rosterdns/roster/cmd/registrar/internal/terminal"
	"github.com/rosterdns/roster/registrar"
)

// watchHelp is what the command watch says of itself.
const watchHelp = `Watch shows the instances of a service that are up, until it receives INT
(Ctrl-C) or TERM. On a terminal it shows a table that follows the changes: for
five seconds a row that is new has a "+", one that changed a "~", and one that
left a "-". Elsewhere it prints each change as a line, and with -o json, jsonl
and yaml the whole set after each change. While etcd is unavailable it goes on
with what it knows, and says so. 'SERVICE?status=any' shows draining and down
instances too.

With CMD it runs CMD for the first set, which can be empty, and for each that
follows. CMD gets the set as one line of JSON, as "get -o jsonl" prints it, on
its standard input, and these variables:

  ROSTER_NAMESPACE, ROSTER_SERVICE  the name of the service
  ROSTER_REVISION                   the revision of the set
  ROSTER_INSTANCES                  the number of instances in it

It is run without a shell. While it runs, only the newest set waits. If it
fails, that is reported, and it runs again after a second, later up to a minute,
or as soon as the set changes. When watch ends, CMD and what it has started get
TERM, and five seconds later KILL; a second signal ends watch at once.`

func newWatchCommand(a *app) *cobra.Command {
	w := &watch{a}
	return &cobra.Command{
		Use:                   "watch SERVICE [flags] [-- CMD [ARG...]]",
		DisableFlagsInUseLine: true,
		Short:                 "Watch a service live, or run a command when it changes",
		Long:                  watchHelp,
		Example: `  registrar watch orders
  registrar watch 'prod/orders?status=any' -o wide
  registrar watch orders | tee changes.log
  registrar watch orders -- sh -c 'jq -r .instances[].addresses[0] > peers'`,
		Args: func(cmd *cobra.Command, args []string) error {
			_, _, err := splitCommand(cmd, args, "SERVICE")
			return err
		},
		ValidArgsFunction: completer{a}.serviceThenFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, command, err := splitCommand(cmd, args, "SERVICE")
			if err != nil {
				return err
			}
			if command != nil {
				return w.command(cmd.Context(), names[0], command)
			}
			return w.show(cmd.Context(), names[0])
		},
	}
}

// watch is what the command watch is asked to do.
type watch struct{ *app }

// show shows a service in the form that suits standard output.
func (w *watch) show(ctx context.Context, name string) error {
	screen, drawn := terminal.ScreenOf(w.stdout)
	f := w.globals.output
	switch {
	case f == formatName:
		return errNamesAlone
	case !f.isTable():
		return (&following{app: w.app, name: name, show: sets(w.app, setPrinter(w.stdout, f))}).run(ctx)
	case drawn:
		return w.onScreen(ctx, name, screen)
	}
	log := live.Log{Out: w.stdout, Columns: columnsOf(w.stdout, f)}
	show := func(s *registrar.Service) error { return log.Write(s, time.Now()) }
	return (&following{app: w.app, name: name, show: sets(w.app, show)}).run(ctx)
}

// tick is how often ages are shown anew.
const tick = time.Second

// onScreen shows a service as a table that follows its changes.
func (w *watch) onScreen(ctx context.Context, name string, screen *terminal.Screen) error {
	view := live.View{Name: name, Columns: columnsOf(w.stdout, w.globals.output), Style: terminal.StyleOf(w.stdout)}
	events, stop := screen.Signals()
	defer stop()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	draw := func() error {
		width, height := screen.Size()
		return screen.Draw(view.Lines(time.Now(), width, height))
	}
	f := following{
		app: w.app, name: name, events: events, ticks: ticker.C,
		show: func(st feed.Service) error {
			if err := final(st); err != nil {
				return err
			}
			view.Observe(st, time.Now())
			return draw()
		},
		redraw: func(event os.Signal) error {
			if event != nil {
				if err := screen.Handle(event); err != nil {
					return err
				}
			}
			return draw()
		},
	}
	if err := screen.Enter(); err != nil {
		return err
	}
	err := f.run(ctx)
	return errors.Join(err, screen.Leave())
}
