package registrar

import "context"

// Registry is what every driver implements. Programs get one from Open, within
// a Client; only tests and drivers call Init. All methods are safe for
// concurrent use once Init has returned.
type Registry interface {
	// Name returns the driver's name, as given to RegisterDriver. It can be
	// called before Init.
	Name() string

	// Init configures the registry. It is called once, before any other method
	// but Name, and does no network I/O: ctx bounds nothing but Init itself,
	// and ending it later changes nothing. Errors are ErrInvalid for an option
	// that breaks a rule and for a second call, and ErrClosed after Close. A
	// backend that is away is no error.
	Init(ctx context.Context, opts ...Option) (err error)

	// Register makes instances known and keeps them so. It adds the service's
	// instances to those that this client has registered, or replaces the ones
	// with equal IDs; an empty ID becomes Instance.StableID, an empty namespace
	// that of WithNamespace. The service is copied.
	//
	// The registration is desired from the moment of the call. Register then waits at most
	// a second, or until ctx is done, for the backend to have it, and not at
	// all while the backend is known to be away; what is not through by then
	// goes on in the background for as long as it takes. So nil means accepted:
	// Wait and Status tell what has become of it.
	//
	// Errors are ErrInvalid for a service that breaks a rule, has no instances,
	// or is a result (its Revision is set), and ErrClosed. ErrUnavailable,
	// ErrPermission, ErrSuperseded and ctx's error are not returned.
	Register(ctx context.Context, service *Service) (err error)

	// Unregister removes the instances with the given IDs, or all that this
	// client has registered under the service's name where none are given. An
	// instance without an ID is taken by its Instance.StableID; other members
	// are ignored. An ID that is absent is no error. An ID that this client has
	// never written nor desired is removed as it is found, whoever wrote it; a
	// living owner then puts it back. One that it has written since Init, as far as the
	// driver remembers, is removed only if it is still the client's.
	//
	// It waits as Register does. Errors are ErrInvalid and ErrClosed.
	Unregister(ctx context.Context, service *Service) (err error)

	// GetService returns the instances of a service that are up, ordered by ID.
	// The name is "SERVICE" or "NAMESPACE/SERVICE"; "?status=any" after it asks
	// for all instances, whatever their status. The result is shared and must not be changed.
	// Calls return the same pointer until the service, or Stale, changes.
	//
	// The first call for a service waits at most a second, or until ctx is
	// done, for its instances; later ones do no I/O, and keep answering, Stale
	// set, while the backend is away.
	//
	// Errors are ErrNotFound where there is no such instance, ErrInvalid and
	// ErrUnsupported for the name, ErrUnavailable before the first contact
	// (with ctx's error where that ended the wait) and where more services are
	// asked for than a driver keeps, ErrPermission before the first contact
	// where the backend refuses, and ErrClosed. Where ctx ended the wait though
	// the backend answers other questions, the error is ctx's alone.
	GetService(ctx context.Context, name string) (service *Service, err error)
}

// Closer is a Registry that holds something to release. Every driver that
// keeps instances registered is one.
type Closer interface {
	// Close implements Client.Close.
	Close() error
}

// Waiter is a Registry that can tell when what is desired is in the backend.
type Waiter interface {
	// Wait implements Client.Wait.
	Wait(ctx context.Context) error
}

// Lister is a Registry that can enumerate services.
type Lister interface {
	// List implements Client.List.
	List(ctx context.Context, namespace string) ([]string, error)
}

// Reporter is a Registry that can tell what has become of its registrations.
type Reporter interface {
	// Status implements Client.Status.
	Status() []InstanceStatus
}
