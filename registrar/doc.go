// Package registrar registers services and finds them.
//
// A program opens a client of a driver, says what it offers, and asks for what
// it needs:
//
//	import (
//		"github.com/rosterdns/roster/registrar"
//		_ "github.com/rosterdns/roster/registrar/etcd"
//	)
//
//	client, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints("http://127.0.0.1:2379"))
//	if err != nil {
//		return err // the options are wrong: nothing else fails here
//	}
//	defer client.Close()
//	err = client.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{instance}})
//	…
//	payments, err := client.GetService(ctx, "payments")
//
// # Vocabulary
//
// A namespace has services, a service has instances: processes, or hosts
// outside, each with addresses or a hostname, ports, and what is to be known of
// it. What a client is asked to register is desired: the client keeps it
// registered for as long as it is open. A desired instance whose ID another
// client has taken over is superseded. Instances live under a lease, which ends with
// their process; static ones live until they are unregistered. What GetService
// returns are results: shared values that stay as they are.
//
// # The caller's main flow
//
// A program must not stand still, or end, because its registry does. So Open
// does no network I/O and fails for wrong options only; Register and Unregister
// record what is desired, wait a second at most and return nil; GetService waits a
// second at most, and that only the first time it is asked for a service; Close
// takes two seconds at most. What is not through by then goes on in the
// background until it succeeds, with pauses that are capped and jittered. Wait and
// Status tell how far it is.
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
