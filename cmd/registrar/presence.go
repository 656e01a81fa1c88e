package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rosterdns/roster/registrar"
)

// finder is a driver that can tell whether there is an instance, whatever is
// stored for it. Readers don't see one that is broken, or without a lease.
type finder interface {
	Exists(ctx context.Context, namespace, service, id string) (bool, error)
}

// exists asks etcd for an instance. Errors are those of Client.List.
func exists(ctx context.Context, client *registrar.Client, name instanceName) (bool, error) {
	f, ok := client.Registry.(finder)
	if !ok {
		return false, fmt.Errorf("driver %q can't look up instances: %w", client.Name(), registrar.ErrUnsupported)
	}
	return f.Exists(ctx, name.namespace, name.service, name.id)
}

// contact waits for an answer of etcd's, by a question that costs it nothing, in
// a service that the user is likely to be granted. So a time-out after it means
// that etcd is slow, rather than away. Only ErrUnavailable is returned: a refusal
// is an answer, too.
func contact(ctx context.Context, client *registrar.Client, namespace, service string) error {
	const anyID = "0"
	if _, err := exists(ctx, client, instanceName{namespace, service, anyID}); errors.Is(err, registrar.ErrUnavailable) {
		return err
	}
	return nil
}
