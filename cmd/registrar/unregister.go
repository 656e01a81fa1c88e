package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
)

func newUnregisterCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unregister SERVICE ID...",
		Short: "Remove instances of a service",
		Long: `Unregister removes instances, whoever registered them. A process that keeps an
instance registered registers it again: stop that process instead. Unregister
also removes a value that cannot be read as an instance.

Instances can also be given in full, as NAMESPACE/SERVICE/ID. If one of them is
not there, none is removed and the exit code is 3.`,
		Example: `  registrar unregister orders a
  registrar unregister prod/orders 10-0-0-7-8080 10-0-0-8-8080
  registrar unregister prod/orders/a`,
		Args:              instances,
		ValidArgsFunction: completer{a}.instances,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return unregister(ctx, a, client, args)
			})
		},
	}
}

func unregister(ctx context.Context, a *app, client *registrar.Client, args []string) error {
	names, err := parseInstances(args, a.namespace())
	if err != nil {
		return err
	}
	var missing []instanceName
	for _, n := range names {
		found, err := exists(ctx, client, n)
		if err != nil {
			return fmt.Errorf("unregistering %s: %w", n, err)
		}
		if !found {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return notThere("unregistering", missing...)
	}
	for _, s := range byService(names) {
		if err := client.Unregister(ctx, s); err != nil {
			return fmt.Errorf("unregistering instances of %s/%s: %w", s.Namespace, s.Name, err)
		}
	}
	if err := client.Wait(ctx); err != nil {
		return fmt.Errorf("unregistering: %w", err) // it names the instances
	}
	for _, n := range names {
		a.notef("unregistered %s", n)
	}
	return nil
}
