package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// getHelp is what the command get says of itself.
const getHelp = `Get shows the instances of a service that are up; by its policy, those that are
not or those of another service can answer. 'SERVICE?status=any' shows its own
instances, also those that are draining or down, and so do IDs, or instances in
full as NAMESPACE/SERVICE/ID: those alone.

With -o wide it also shows the overrides of the service with their reasons. On a
terminal that has no room for it, columns that say only the default are left
out. With -o json it prints the service as one object, with -o jsonl on one
line, with -o name the IDs of its instances. "register --file" accepts the
output of -o json, jsonl and yaml. If there is no instance to show the exit code
is 3.

With --watch it goes on, until it receives INT (Ctrl-C) or TERM, to print the
instances that change as further rows; one that leaves has the status
"removed". With -o json, jsonl and yaml it prints the whole set again.`

func newGetCommand(a *app) *cobra.Command {
	g := &get{app: a}
	cmd := &cobra.Command{
		Use:   "get SERVICE [ID...]",
		Short: "Show the instances of a service",
		Long:  getHelp,
		Example: `  registrar get orders
  registrar get prod/orders -o wide
  registrar get 'orders?status=any'
  registrar get default/orders/a
  registrar get orders -n prod -o json
  registrar get orders --watch -o jsonl`,
		Args:              getArgs,
		ValidArgsFunction: completer{a}.instances,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case g.watch && (len(args) > 1 || namesInstance(args[0])):
				return usagef("--watch is for a whole SERVICE: leave out the IDs")
			case g.watch:
				return g.follow(cmd.Context(), args[0])
			}
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return g.run(ctx, client, args)
			})
		},
	}
	cmd.Flags().BoolVarP(&g.watch, "watch", "w", false, "go on, and print what changes")
	return cmd
}

// get is what the command get is asked to do.
type get struct {
	*app
	watch bool
}

// getArgs checks the arguments of get, of which IDs can be missing.
func getArgs(cmd *cobra.Command, args []string) error {
	if err := notTooLong(args); err != nil {
		return err
	}
	return exactly("SERVICE")(cmd, args[:min(len(args), 1)])
}

func (g *get) run(ctx context.Context, client *registrar.Client, args []string) error {
	name, ids, err := g.parse(args)
	if err != nil {
		return err
	}
	if err := contact(ctx, client, name.Namespace, name.Service); err != nil {
		return fmt.Errorf("getting %q: %w", args[0], err)
	}
	s, err := getService(ctx, client, name.String())
	if err == nil {
		s, err = only(s, ids)
	}
	if err != nil {
		err = explainNotFound(ctx, client, name, err)
		if g.globals.output == formatWide && errors.Is(err, registrar.ErrNotFound) {
			err = errors.Join(err, writeOverrides(ctx, g.stdout, client, name.Name()))
		}
		return err
	}
	if s.Stale {
		g.warnf("no contact with etcd: this output may be out of date")
	}
	if err := writeService(g.stdout, g.globals.output, s); err != nil || g.globals.output != formatWide {
		return err
	}
	return writeOverrides(ctx, g.stdout, client, name.Name())
}

// parse parses the arguments: the service, and which of its instances, all if
// there are none.
func (g *get) parse(args []string) (name registrar.ServiceName, ids []string, err error) {
	if len(args) == 1 && !namesInstance(args[0]) {
		name, err = registrar.ParseName(args[0], g.namespace())
		return name, nil, err
	}
	if strings.Contains(args[0], "?") {
		return registrar.ServiceName{}, nil, usagef("SERVICE %q: selectors and IDs cannot be used together", args[0])
	}
	if name, ids, err = parseOneService(args, g.namespace()); err != nil {
		return registrar.ServiceName{}, nil, err
	}
	name.Selector.AnyStatus = true
	return name, ids, nil
}

// only returns a service with those of its instances that have the IDs; all if there are
// none.
func only(s *registrar.Service, ids []string) (*registrar.Service, error) {
	if len(ids) == 0 {
		return s, nil
	}
	some := *s // results of the library are not to be changed
	some.Instances = nil
	for _, id := range ids {
		i := slices.IndexFunc(s.Instances, func(in registrar.Instance) bool { return in.ID == id })
		if i < 0 {
			return nil, notThere("getting", instanceName{s.Namespace, s.Name, id})
		}
		some.Instances = append(some.Instances, s.Instances[i])
	}
	return &some, nil
}

// explainNotFound tells a service whose instances are all draining or down from one
// that has none.
func explainNotFound(ctx context.Context, client *registrar.Client, name registrar.ServiceName, err error) error {
	if name.Selector.AnyStatus || !errors.Is(err, registrar.ErrNotFound) {
		return err
	}
	name.Selector.AnyStatus = true
	s, anyErr := getService(ctx, client, name.String())
	switch {
	case errors.Is(anyErr, registrar.ErrNotFound):
		return fmt.Errorf("%w: to see the services, run: registrar list", err)
	case anyErr != nil:
		return err
	}
	if slices.ContainsFunc(s.Instances, func(in registrar.Instance) bool { return in.Status == catalog.StatusUp }) {
		return fmt.Errorf("%w: its policy has another service answer: to see which, run: registrar policy get %s/%s", err, s.Namespace, s.Name)
	}
	return fmt.Errorf("%w: 0 of %d instances are up: to see them, run: registrar get '%s'", err, len(s.Instances), name)
}
