package registrar

import (
	"context"
	"fmt"
	"iter"
)

// Client is a Registry with what its driver can do besides. It is safe for
// concurrent use.
type Client struct {
	Registry
}

// NewClient wraps a Registry that Init was called on, for programs that make
// their own.
func NewClient(registry Registry) *Client { return &Client{registry} }

// Close unregisters all instances of this client but the static ones, and
// releases what the client holds; no goroutine of it is left. It takes at most
// two seconds. An error is ErrUnavailable or ErrPermission and says that
// instances may be served until their lease runs out; the client is closed in
// any case. Further calls change nothing and return the same. ErrUnsupported is
// returned where the driver holds nothing.
//
// It doesn't wait for pending writes: for static instances call Wait first.
func (c *Client) Close() error {
	if d, ok := c.Registry.(Closer); ok {
		return d.Close()
	}
	return c.lacks("Close")
}

// Wait returns nil once the backend has everything that was registered or
// unregistered before the call. It returns ErrPermission as soon as the backend
// refuses the user, though retries continue; otherwise, when ctx is done, ctx's
// error joined with the last error of each write that has not succeeded.
// ErrClosed and ErrUnsupported are possible too.
func (c *Client) Wait(ctx context.Context) error {
	if d, ok := c.Registry.(Waiter); ok {
		return d.Wait(ctx)
	}
	return c.lacks("Wait")
}

// Watch yields what GetService returns for a name, and again after each change, until
// ctx is done, the loop ends or the client closes:
//
//	for service, err := range client.Watch(ctx, "orders") {
//		if err != nil {
//			continue // service, if any, is the last one known
//		}
//		use(service.Instances)
//	}
//
// Each service is the full set of instances, not a difference; where there is none it
// is a service without instances. The first one comes as soon as it is known. A loop
// that is slower than the changes skips to the last one. With an error the service is
// stale, and nil before the first contact: ErrUnavailable or ErrPermission; the loop
// goes on, and yields again once that changes. ErrInvalid, ErrUnsupported and
// ErrClosed are yielded last. The end of ctx is none. Services are shared and must not
// be changed. A Watch sends no requests beyond those of GetService for the name, and
// starts no goroutine: it runs in that of the loop.
func (c *Client) Watch(ctx context.Context, name string) iter.Seq2[*Service, error] {
	if d, ok := c.Registry.(Watcher); ok {
		return d.Watch(ctx, name)
	}
	return func(yield func(*Service, error) bool) { yield(nil, c.lacks("Watch")) }
}

// Drain overrides the status of instances, whoever registered them, with draining:
// they get no new work, by whichever way they are found, until Undrain, also when they
// are registered again meanwhile. The reason, which can be empty, is for people. The
// service names its instances by ID, or by address and port as Unregister does; at
// least one. An instance that isn't there is drained when it comes. Drain asks the
// backend, and again while that is away, until ctx is done; where ctx has no deadline,
// for ten seconds at most. Errors are those of List.
func (c *Client) Drain(ctx context.Context, service *Service, reason string) error {
	if d, ok := c.Registry.(Drainer); ok {
		return d.Drain(ctx, service, reason)
	}
	return c.lacks("Drain")
}

// Undrain ends Drain, or whatever else an operator has overridden the status of the
// instances with: their own counts again. What is not overridden is no error. It works
// as Drain does.
func (c *Client) Undrain(ctx context.Context, service *Service) error {
	if d, ok := c.Registry.(Drainer); ok {
		return d.Undrain(ctx, service)
	}
	return c.lacks("Undrain")
}

// List returns the names of the services of a namespace that have a valid
// instance, up or not, or a policy by which others answer, in ascending order. The
// empty namespace means all, and not that of WithNamespace; the names are then
// "NAMESPACE/SERVICE". It asks the
// backend, and again while that is away, until ctx is done; where ctx has no
// deadline, for ten seconds at most. Errors are ErrInvalid, ErrUnavailable with
// the error of ctx, or that alone where the backend answers but not in time,
// ErrPermission, ErrClosed and ErrUnsupported.
func (c *Client) List(ctx context.Context, namespace string) ([]string, error) {
	if d, ok := c.Registry.(Lister); ok {
		return d.List(ctx, namespace)
	}
	return nil, c.lacks("List")
}

// WatchList yields what List returns for a namespace, and again each time that a service
// appears or disappears, until ctx is done, the loop ends or the client closes:
//
//	for names, err := range client.WatchList(ctx, "prod") {
//		if err != nil {
//			continue // names, if not nil, are the last ones known
//		}
//		use(names)
//	}
//
// The names are all that there are, not a difference; where there is none they are empty
// and not nil. The first ones come as soon as they are known. A loop that is slower than
// the changes skips to the last ones. With an error they are stale, and nil before the
// first contact: ErrUnavailable or ErrPermission; the loop goes on, and yields again once
// that changes. ErrInvalid, ErrUnsupported and ErrClosed are yielded last. The end of ctx
// is none. Names are shared and must not be changed.
//
// A service whose last instances are served by its policy's keep_last is there as long as
// they are, as in GetService; List, which asks the backend, leaves it out.
//
// The client follows all of the namespace, or of the registry for the empty one: in memory
// and in traffic that costs what GetService of all its services does, until ten minutes
// after the last WatchList of it. It may need rights that single services don't. What
// happens within a service costs a WatchList nothing; one that appears or disappears a copy
// of the names. It starts no goroutine: it runs in that of the loop.
func (c *Client) WatchList(ctx context.Context, namespace string) iter.Seq2[[]string, error] {
	if d, ok := c.Registry.(ListWatcher); ok {
		return d.WatchList(ctx, namespace)
	}
	return func(yield func([]string, error) bool) { yield(nil, c.lacks("WatchList")) }
}

// Status reports on each instance that was registered and is not known to have
// been unregistered since, ordered by namespace, service and ID.
// It does no I/O. It is nil where the driver can't tell, and after Close.
func (c *Client) Status() []InstanceStatus {
	if d, ok := c.Registry.(Reporter); ok {
		return d.Status()
	}
	return nil
}

func (c *Client) lacks(method string) error {
	return fmt.Errorf("registrar: driver %q has no %s: %w", c.Name(), method, ErrUnsupported)
}
