package main

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/registrar"
)

// write registers all services and returns when etcd has them, and the servers of
// --wait-dns.
func (r *registration) write(ctx context.Context, client *registrar.Client) error {
	first := r.services[0]
	if err := contact(ctx, client, first.Namespace, first.Name); err != nil {
		return fmt.Errorf("registering %s: %w", r.summary(), err)
	}
	if err := r.submit(ctx, client); err != nil {
		return err
	}
	if err := client.Wait(ctx); err != nil {
		return fmt.Errorf("registering: %w", err) // it names the instances
	}
	r.tell()
	if err := r.show(client.Status()); err != nil {
		return err
	}
	return r.awaitDNS(ctx, client)
}
