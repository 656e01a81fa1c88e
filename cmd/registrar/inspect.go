package main

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// keyReader is a driver that shows what is stored, also what readers are not told.
type keyReader interface {
	Keys(ctx context.Context, namespace, service string) (keys []mirror.Event, revision int64, err error)
}

// inspectService reads what etcd has of a service; of a namespace if the name is empty,
// of the registry if both are. Errors are those of Client.List.
func inspectService(ctx context.Context, client *registrar.Client, service catalog.ServiceName) (*inspect.Registry, error) {
	r, ok := client.Registry.(keyReader)
	if !ok {
		return nil, fmt.Errorf("driver %q can't show what is stored: %w", client.Name(), registrar.ErrUnsupported)
	}
	keys, revision, err := r.Keys(ctx, service.Namespace, service.Name)
	if err != nil {
		return nil, err
	}
	return inspect.New(keys, revision), nil
}
