// Package registrar registers services and finds them.
//
// A program opens a client of a driver, registers what it offers, and looks up
// what it needs:
//
//	import (
//		"github.com/rosterdns/roster/registrar"
//		_ "github.com/rosterdns/roster/registrar/etcd"
//	)
//
//	client, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"))
//	if err != nil {
//		return err // an option is invalid: nothing else fails here
//	}
//	defer client.Close()
//	err = client.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{instance}})
//	…
//	payments, err := client.GetService(ctx, "payments")
//
// # Vocabulary
//
// A namespace has services, and a service has instances: processes, or external
// hosts, each with addresses or a hostname, ports and metadata. A client holds
// desired registrations: instances that it keeps registered for as long as it is
// open. An instance whose ID another client writes is superseded. Instances live
// under a lease, which ends with their process; static instances live until they
// are unregistered. GetService returns results: shared values that never change.
//
// # The caller's main flow
//
// Service discovery must never block or end the program that uses it. So Open
// does no network I/O and fails only for invalid options. Register and Unregister
// record the desired registration, wait for at most one second and return nil.
// GetService waits for at most one second, and only in the first call for a
// service. Close takes at most two seconds. Whatever has not succeeded by then is
// retried in the background until it does, with capped and jittered backoff. Wait
// and Status report the progress.
//
// # Errors
//
// All are for errors.Is. Drivers can return others for faults of their own.
//
//	Open, Init    ErrInvalid; Init also ErrClosed
//	Register      ErrInvalid, ErrClosed
//	Unregister    ErrInvalid, ErrClosed
//	GetService    ErrNotFound, ErrInvalid, ErrUnsupported, ErrClosed; before the
//	              first contact ErrUnavailable, ErrPermission; ctx's error
//	List          ErrInvalid, ErrUnavailable, ErrPermission, ErrUnsupported,
//	              ErrClosed; ctx's error
//	Wait          ErrPermission, ErrUnsupported, ErrClosed; ctx's error joined with
//	              ErrUnavailable, ErrSuperseded or none
//	Close         ErrUnavailable, ErrPermission, ErrUnsupported
//
// A method that is called before Init returns ErrInvalid.
//
// # Drivers
//
// A driver implements Registry, and whichever of Closer, Waiter, Lister and
// Reporter it can; it calls RegisterDriver when it is imported. Package
// registrartest has the tests that all of them pass.
package registrar
