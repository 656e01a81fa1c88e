package kratos

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-kratos/kratos/v2/registry"

	"github.com/rosterdns/roster/registrar"
)

// Registry is a registry for go-kratos. It is safe for concurrent use.
type Registry struct {
	client *registrar.Client
	rename func(string) string
	adjust func(*registrar.Instance)
}

var (
	_ registry.Registrar = (*Registry)(nil)
	_ registry.Discovery = (*Registry)(nil)
)

// Option changes how a Registry translates.
type Option func(*Registry)

// WithServiceName sets how the names that kratos uses become names of services,
// [NAMESPACE/]SERVICE. It must give different names different results. By default they are
// the same.
func WithServiceName(name func(kratos string) (roster string)) Option {
	return func(r *Registry) { r.rename = name }
}

// WithInstance sets what is changed of an instance before it is registered, such as its
// tags, locality or priority. It must change all registrations of one in the same way.
func WithInstance(change func(*registrar.Instance)) Option {
	return func(r *Registry) { r.adjust = change }
}

// New returns a registry over a client, which stays the caller's: closing it unregisters
// what is registered.
func New(client *registrar.Client, opts ...Option) *Registry {
	r := &Registry{
		client: client,
		rename: func(name string) string { return name },
		adjust: func(*registrar.Instance) {},
	}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

// Register implements registry.Registrar. It returns at the latest after a second, and nil
// also if the registry is unavailable; the instance is then registered once it is there.
// Errors are registrar.ErrInvalid, which says what of the instance can't be registered, and
// registrar.ErrClosed.
func (r *Registry) Register(ctx context.Context, instance *registry.ServiceInstance) error {
	service, err := r.service(instance)
	if err != nil {
		return err
	}
	return r.client.Register(ctx, service)
}

// Deregister implements registry.Registrar. It works as Register does.
func (r *Registry) Deregister(ctx context.Context, instance *registry.ServiceInstance) error {
	service, err := r.service(instance)
	if err != nil {
		return err
	}
	return r.client.Unregister(ctx, service)
}

// service returns the service that consists of an instance.
func (r *Registry) service(from *registry.ServiceInstance) (*registrar.Service, error) {
	name, err := r.name(from.Name)
	if err == nil && name.Selects() {
		err = fmt.Errorf("%w: the name of an application can't select", registrar.ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	in, err := toInstance(from)
	if err != nil {
		return nil, fmt.Errorf("kratos: instance %q of %q: %w", from.ID, from.Name, err)
	}
	r.adjust(&in)
	service := &registrar.Service{Name: name.Service, Instances: []registrar.Instance{in}}
	if strings.Contains(r.rename(from.Name), "/") {
		service.Namespace = name.Namespace
	}
	return service, nil
}

// name parses a name that kratos uses.
func (r *Registry) name(kratos string) (registrar.ServiceName, error) {
	name, err := registrar.ParseName(r.rename(kratos), registrar.DefaultNamespace)
	if err != nil {
		return name, fmt.Errorf("kratos: service %q: %w (WithServiceName can change names)", kratos, err)
	}
	return name, nil
}

// GetService implements registry.Discovery. Where no instance is up the list is empty.
// Errors are those of registrar.Client.GetService else. The result is the caller's.
func (r *Registry) GetService(ctx context.Context, name string) ([]*registry.ServiceInstance, error) {
	if _, err := r.name(name); err != nil {
		return nil, err
	}
	service, err := r.client.GetService(ctx, r.rename(name))
	if errors.Is(err, registrar.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return fromService(name, service), nil
}

// Watch implements registry.Discovery. It returns at once; ctx ends the Watcher. The error
// is registrar.ErrInvalid.
func (r *Registry) Watch(ctx context.Context, name string) (registry.Watcher, error) {
	if _, err := r.name(name); err != nil {
		return nil, err
	}
	return newWatcher(ctx, r.client, r.rename(name), name), nil
}
