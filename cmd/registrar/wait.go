package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
)

func newWaitCommand(a *app) *cobra.Command {
	w := &wait{app: a}
	cmd := &cobra.Command{
		Use:   "wait SERVICE",
		Short: "Wait until a service has enough instances that are up",
		Long: `Wait returns when at least so many instances of a service are up as --min says,
and waits for that for at most --timeout: then the exit code is 6. It is told of
changes by etcd, rather than asking again and again. The service need not exist
yet. 'SERVICE?tag=TAG' and the like count some of its instances only.

With -o json and the like it then prints the service, as get does.`,
		Example: `  registrar wait orders
  registrar wait prod/orders --min 3 --timeout 2m
  registrar wait 'orders?tag=canary' --timeout 30s -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := exactly("SERVICE")(cmd, args); err != nil {
				return err
			}
			if w.min == 0 {
				return usagef("--min 0 must be more than 0")
			}
			return nil
		},
		ValidArgsFunction: completer{a}.services,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return w.run(ctx, client, args[0])
			})
		},
	}
	cmd.Flags().Uint16Var(&w.min, "min", 1, "how many instances have to be up, as `NUMBER`")
	mustComplete(cmd, "min", nil)
	return cmd
}

// wait is what the command wait is asked to do.
type wait struct {
	*app
	min uint16
}

func (w *wait) run(ctx context.Context, client *registrar.Client, arg string) error {
	name, err := registrar.ParseName(arg, w.namespace())
	if err != nil {
		return err
	}
	if err := contact(ctx, client, name.Namespace, name.Service); err != nil {
		return fmt.Errorf("waiting for %s: %w", name, err)
	}
	s, err := w.await(ctx, client, name)
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", name, err)
	}
	w.notef("%s: %d up", name, countUp(s))
	if w.globals.output.isTable() {
		return nil
	}
	return writeService(w.stdout, w.globals.output, s)
}

// await returns the service once enough of its instances are up. Where ctx is done
// before that, the error says how many were. etcd has answered something by now: that it
// is away is no reason to give up.
func (w *wait) await(ctx context.Context, client *registrar.Client, name registrar.ServiceName) (*registrar.Service, error) {
	var last *registrar.Service
	var lost error // why the last one may have changed since
	for s, err := range client.Watch(ctx, name.String()) {
		switch {
		case err != nil && !errors.Is(err, registrar.ErrUnavailable):
			return nil, err
		case err == nil && countUp(s) >= int(w.min):
			return s, nil
		case err == nil:
			last = s
		}
		lost = err
	}
	if err := ctx.Err(); err == nil {
		return nil, fmt.Errorf("the watch has ended: %w", registrar.ErrClosed)
	}
	switch {
	case last == nil:
		return nil, fmt.Errorf("etcd answered, but did not send all instances in time: %w", ctx.Err())
	case lost != nil:
		return nil, fmt.Errorf("%d of %d up before contact was lost: %w", countUp(last), w.min, lost)
	}
	return nil, fmt.Errorf("%d of %d up: %w", countUp(last), w.min, ctx.Err())
}
