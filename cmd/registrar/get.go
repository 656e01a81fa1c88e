package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
)

func (a *app) getCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get SERVICE",
		Short: "Show the instances of a service",
		Long: `Get shows the instances of a service that are up; by its policy, those that are
not or those of another service can answer. 'SERVICE?status=any' shows its own
instances, also those that are draining or down.

With -o json it prints the service as one object, with -o jsonl on one line,
with -o name the IDs of its instances. "register --file" accepts the output of
-o json, jsonl and yaml. If there is no instance to show the exit code is 3.`,
		Example: `  registrar get orders
  registrar get prod/orders -o wide
  registrar get 'orders?status=any'
  registrar get orders -n prod -o json`,
		Args:              exactly("SERVICE"),
		ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				name, err := registrar.ParseName(args[0], a.namespace())
				if err != nil {
					return err
				}
				if err := contact(ctx, client, name.Namespace, name.Service); err != nil {
					return fmt.Errorf("getting %q: %w", args[0], err)
				}
				s, err := getService(ctx, client, args[0])
				if err != nil {
					return explainNotFound(ctx, client, name, err)
				}
				if s.Stale {
					a.warnf("no contact with etcd: this output may be out of date")
				}
				return writeService(a.stdout, a.globals.output, s)
			})
		},
	}
}

// explainNotFound tells a service whose instances are all draining or down from one
// that has none.
func explainNotFound(ctx context.Context, client *registrar.Client, name registrar.ServiceName, err error) error {
	if name.Selector.AnyStatus || !errors.Is(err, registrar.ErrNotFound) {
		return err
	}
	name.Selector.AnyStatus = true
	s, anyErr := getService(ctx, client, name.String())
	if anyErr != nil {
		return err
	}
	return fmt.Errorf("%w: 0 of %d instances are up: to see them, run: registrar get '%s'", err, len(s.Instances), name)
}
