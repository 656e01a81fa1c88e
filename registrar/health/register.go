package health

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/registrar"
)

// Registerer is what Register needs of a registrar.Client.
type Registerer interface {
	// Register is that of registrar.Registry.
	Register(ctx context.Context, service *registrar.Service) error
}

// Register keeps the instances of a service registered with the status that a monitor
// finds. They are registered when it is up for the first time, and again, with their new
// status, whenever it changes; at once where a Checker's Initial is up. What is written is
// the client's to retry.
//
// It returns nil when ctx is done, and leaves the instances registered as they are: the
// program can then register them as draining, or close the client. Errors are those of
// the client's Register, at once: ErrInvalid and ErrClosed.
func Register(ctx context.Context, client Registerer, service *registrar.Service, m Monitor) error {
	if _, err := service.Prepare(registrar.DefaultNamespace); err != nil {
		return fmt.Errorf("registrar: registering %q: %w", service.Name, err)
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	desired, registered := service.Clone(), false
	var failed error
	changed := func(r Result) {
		if !registered && !r.Up() {
			return
		}
		registered = true
		for i := range desired.Instances {
			desired.Instances[i].Status = r.Status
		}
		if failed = client.Register(ctx, desired); failed != nil {
			end()
		}
	}
	if c, ok := m.(*Checker); ok && c.Initial != "" {
		changed(Result{Status: c.Initial}) // which it takes for known, and doesn't report
	}
	m.Run(ctx, changed)
	return failed
}
