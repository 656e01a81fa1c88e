package registrar

import (
	"context"
	"iter"
)

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
	// backend that is unavailable is no error.
	Init(ctx context.Context, opts ...Option) (err error)

	// Register registers instances and keeps them registered. It adds the
	// service's instances to those that this client has registered, or replaces
	// the ones with equal IDs. An empty ID becomes Instance.StableID, an empty
	// namespace that of WithNamespace. The service is copied.
	//
	// The desired registration is recorded at once. Register then waits for the
	// write for at most a second, or until ctx is done, and not at all while the
	// backend is known to be unavailable. What calls from several goroutines wait
	// for is written together; see Many instances. A write that has not succeeded by then
	// is retried in the background until it does. So nil means accepted; Wait and
	// Status tell whether the backend has it.
	//
	// Errors are ErrInvalid for a service that breaks a rule, has no instances,
	// or is a result (its Revision is set), and ErrClosed. ErrUnavailable,
	// ErrPermission, ErrSuperseded and ctx's error are not returned.
	Register(ctx context.Context, service *Service) (err error)

	// Unregister removes the instances with the given IDs, or, if none are given,
	// all that this client has registered under the service's name. An instance
	// without an ID is identified by its Instance.StableID; other members are
	// ignored. An absent ID is no error. An ID that this client has neither
	// registered nor written is removed as found, whoever wrote it; an owner that
	// is still running then registers it again. One that this client has written
	// since Init, as far as the driver remembers, is removed only if it is still
	// the client's.
	//
	// It waits as Register does. Errors are ErrInvalid and ErrClosed.
	Unregister(ctx context.Context, service *Service) (err error)

	// GetService returns the instances of a service that are up, ordered by ID.
	// The name is "SERVICE" or "NAMESPACE/SERVICE", with selectors behind a "?" as
	// in "orders?tag=canary&prefer=az1"; ParseName has all of them. The result is
	// shared and must not be changed. Calls return the same pointer until the
	// service, or Stale, changes.
	//
	// The policy of the service applies: by its min_up instances answer that are
	// not up, and by its alias and failover those of another service, under the
	// name that was asked for; Revision is then the backend's at that time. With
	// "?status=any" the result has the service's own instances in any case.
	//
	// The first call for a service waits at most a second, or until ctx is
	// done, for its instances, and as long for those of each service that answers
	// by its policy; later ones do no I/O, and keep answering, with Stale set,
	// while the backend is unavailable.
	//
	// Errors are ErrNotFound where there is no such instance, ErrInvalid for the
	// name, ErrUnsupported for a selector that the driver lacks, ErrUnavailable before the first contact
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

// Waiter is a Registry that can wait until its registrations are written.
type Waiter interface {
	// Wait implements Client.Wait.
	Wait(ctx context.Context) error
}

// Watcher is a Registry that can tell when a service changes.
type Watcher interface {
	// Watch implements Client.Watch.
	Watch(ctx context.Context, name string) iter.Seq2[*Service, error]
}

// Drainer is a Registry that can take instances out of service from outside.
type Drainer interface {
	// Drain implements Client.Drain.
	Drain(ctx context.Context, service *Service, reason string) error
	// Undrain implements Client.Undrain.
	Undrain(ctx context.Context, service *Service) error
}

// Lister is a Registry that can enumerate services.
type Lister interface {
	// List implements Client.List.
	List(ctx context.Context, namespace string) ([]string, error)
}

// ListWatcher is a Registry that can tell when services appear and disappear.
type ListWatcher interface {
	// WatchList implements Client.WatchList.
	WatchList(ctx context.Context, namespace string) iter.Seq2[[]string, error]
}

// Reporter is a Registry that can report the status of its registrations.
type Reporter interface {
	// Status implements Client.Status.
	Status() []InstanceStatus
}
