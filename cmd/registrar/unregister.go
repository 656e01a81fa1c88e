package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func (a *app) unregisterCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unregister SERVICE ID",
		Short: "Remove an instance of a service",
		Long: `Unregister removes an instance, whoever registered it. A process that keeps the
instance registered registers it again: stop that process instead. Unregister
also removes a value that cannot be read as an instance. If there is no such
instance the exit code is 3.`,
		Example: `  registrar unregister orders a
  registrar unregister prod/orders 10-0-0-7-8080`,
		Args:              exactly("SERVICE", "ID"),
		ValidArgsFunction: a.completeInstance,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return a.unregister(ctx, client, args[0], args[1])
			})
		},
	}
}

func (a *app) unregister(ctx context.Context, client *registrar.Client, arg, id string) error {
	service, err := a.parseName(arg)
	if err != nil {
		return err
	}
	if err := catalog.CheckLabel("ID", id); err != nil {
		return err
	}
	name := instanceName{service.Namespace, service.Service, id}
	found, err := exists(ctx, client, name)
	if err != nil {
		return fmt.Errorf("unregistering %s: %w", name, err)
	}
	if !found {
		return fmt.Errorf("unregistering %s: %w: to see its instances, run: registrar get '%s?status=any'", name, registrar.ErrNotFound, service)
	}
	err = client.Unregister(ctx, &registrar.Service{
		Namespace: service.Namespace, Name: service.Service,
		Instances: []registrar.Instance{{ID: id}},
	})
	if err != nil {
		return fmt.Errorf("unregistering %s: %w", name, err)
	}
	if err := client.Wait(ctx); err != nil {
		return fmt.Errorf("unregistering: %w", err) // it names the instance
	}
	a.notef("unregistered %s", name)
	return nil
}
