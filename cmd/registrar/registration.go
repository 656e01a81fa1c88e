package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/registrar"
)

// registration is what the register command is asked to do.
type registration struct {
	*app
	instance     instanceFlags
	file         string
	once, static bool
	lease        time.Duration
	dns          dnsWait
	// namespaceGiven says that -n is there as a flag, not as a variable.
	namespaceGiven bool

	name     registrar.ServiceName // of the instance of the flags
	source   *localaddr.Source     // of its addresses; nil where they can't change
	services []*registrar.Service  // ready to be written; none while there is no address
}

// submit hands all services to the client, or those that it comes to until ctx is done.
func (r *registration) submit(ctx context.Context, client *registrar.Client) error {
	return submitAll(ctx, client, r.services)
}

func submitAll(ctx context.Context, client *registrar.Client, services []*registrar.Service) error {
	for _, s := range services {
		if ctx.Err() != nil {
			return nil // who waits sees it
		}
		if err := client.Register(ctx, s); err != nil {
			return fmt.Errorf("registering %s/%s: %w", s.Namespace, s.Name, err)
		}
	}
	return nil
}

// summary names what is registered, for errors.
func (r *registration) summary() string {
	if len(r.services) == 0 {
		return r.name.String()
	}
	s := r.services[0]
	if len(r.services) > 1 {
		return fmt.Sprintf("%d services", len(r.services))
	}
	if len(s.Instances) > 1 {
		return fmt.Sprintf("%d instances of %s/%s", len(s.Instances), s.Namespace, s.Name)
	}
	return instanceName{s.Namespace, s.Name, s.Instances[0].ID}.String()
}

// describe says where an instance is, as in "10.0.0.7, http:8080/tcp".
func describe(in *registrar.Instance) string {
	parts := []string{where(in)}
	for _, p := range in.Ports {
		parts = append(parts, formatPort(p))
	}
	return strings.Join(parts, ", ")
}

// names yields the names of all instances of services.
func names(services []*registrar.Service) iter.Seq[instanceName] {
	return func(yield func(instanceName) bool) {
		for _, s := range services {
			for i := range s.Instances {
				if !yield(instanceName{s.Namespace, s.Name, s.Instances[i].ID}) {
					return
				}
			}
		}
	}
}
