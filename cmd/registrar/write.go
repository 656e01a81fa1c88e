package main

import (
	"context"
	"fmt"
	"time"

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
	for _, s := range r.services {
		for i := range s.Instances {
			in := &s.Instances[i]
			name := instanceName{s.Namespace, s.Name, in.ID}
			if in.Static {
				r.notef("registered %s (%s), static: it stays until it is unregistered", name, describe(in))
			} else {
				r.notef("registered %s (%s), lease %v: expires at about %s unless it is registered again",
					name, describe(in), r.lease, time.Now().Add(r.lease).Format(time.RFC3339))
			}
		}
	}
	return r.awaitDNS(ctx, client)
}
