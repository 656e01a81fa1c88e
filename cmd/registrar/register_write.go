package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// write registers all services and returns when etcd has them, and the servers of
// --wait-dns.
func (r *register) write(ctx context.Context, client *registrar.Client) error {
	first := r.services[0]
	if err := contact(ctx, client, first.Namespace, first.Name); err != nil {
		return fmt.Errorf("registering %s: %w", r.summary(), err)
	}
	if err := r.services.submit(ctx, client); err != nil {
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

// tell tells, once, of instances that were written and are not kept registered.
func (r *register) tell() {
	expiry := fmt.Sprintf("lease %v: expires at about %s unless it is registered again", r.lease, time.Now().Add(r.lease).Format(time.RFC3339))
	if r.static {
		expiry = "static: it stays until it is unregistered"
	}
	if r.services.many() {
		r.notef("registered %s, %s", r.services.sum(r.services.size()), expiry)
		return
	}
	for _, s := range r.services {
		for i := range s.Instances {
			in := &s.Instances[i]
			r.notef("registered %s (%s), %s", instanceName{s.Namespace, s.Name, in.ID}, describe(in), expiry)
		}
	}
}
