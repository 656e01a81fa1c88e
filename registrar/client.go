package registrar

import (
	"context"
	"fmt"
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

// List returns the names of the services of a namespace that have a valid
// instance, up or not, or a policy by which others answer, in ascending order. The
// empty namespace means all, and
// not that of WithNamespace; the names are then "NAMESPACE/SERVICE". It asks the
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
