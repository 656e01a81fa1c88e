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

// readKeys reads the keys of a service; of a namespace if the name is empty, of the
// registry if both are. Errors are those of Client.List.
func readKeys(ctx context.Context, client *registrar.Client, service catalog.ServiceName) ([]mirror.Event, int64, error) {
	r, ok := client.Registry.(keyReader)
	if !ok {
		return nil, 0, fmt.Errorf("driver %q can't show what is stored: %w", client.Name(), registrar.ErrUnsupported)
	}
	return r.Keys(ctx, service.Namespace, service.Name)
}

// inspectService returns what readKeys reads.
func inspectService(ctx context.Context, client *registrar.Client, service catalog.ServiceName) (*inspect.Registry, error) {
	keys, revision, err := readKeys(ctx, client, service)
	if err != nil {
		return nil, err
	}
	return inspect.New(keys, revision), nil
}
