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
// hosts, each with addresses or a hostname, named ports, and metadata. An instance is
// up, draining (no new work) or down. A client holds desired registrations: instances
// that it keeps registered for as long as it is open. An instance whose ID another
// client writes is superseded. Instances live under a lease, which ends with their
// process; static instances live until they are unregistered. GetService and Watch
// return results: shared values that never change. A result is stale while contact with
// the backend is lost; it is the last that was known.
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
// # Many instances
//
// A client writes together what waits to be written: the instances of one call of
// Register, and those of calls from several goroutines. Only calls one after the other
// each wait for a write of their own. So give Register all instances of a service at
// once, and register many services from goroutines:
//
//	var registering errgroup.Group
//	for _, service := range services {
//		registering.Go(func() error { return client.Register(ctx, service) })
//	}
//	err := errors.Join(registering.Wait(), client.Wait(ctx))
//
// A program that can't do so calls Register with a context that has ended: it records the
// desired registration and returns without waiting. Wait says when all are written.
//
// # Finding instances
//
// GetService is a look-up in memory, as cheap as a map's: call it for each request rather
// than to keep what it returned. Watch is for who must act when a set changes, such as
// a balancer: it yields the set, and again after each change. Both cost the backend one
// watch per service, however many callers there are, until ten minutes after the last of
// them. Names can select:
//
//	orders                       the instances that are up, of the client's namespace
//	prod/orders                  of the namespace prod
//	orders?tag=canary&tag=blue   those that have both tags
//	orders?locality=az1          those of a locality alone
//	orders?prefer=az1            those of a locality where there are any, else all
//	orders?status=any            all, whatever their status
//
// DNS selects by the same rules. The policy of a service can have others answer: below
// min_up instances those that are not up, by alias another service, by failover another
// one where nobody is left; Watch tells of their changes, too.
//
// List returns the names of the services of a namespace, and WatchList yields them, and
// again after each service that appears or disappears.
//
// # Taking instances out
//
// A process that is about to end registers its instance once more with the status
// draining, waits until clients have noticed, and closes the client. Drain does the same
// from outside, to whichever instance, and outlasts a restart of its process, until
// Undrain.
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
//	Watch,        yield, with the last set that is known or nil, ErrUnavailable and
//	WatchList     ErrPermission, and go on; ErrInvalid, ErrUnsupported and
//	              ErrClosed, and end
//	Drain, List,  ErrInvalid, ErrUnavailable, ErrPermission, ErrUnsupported,
//	Undrain       ErrClosed; ctx's error
//	Wait          ErrPermission, ErrUnsupported, ErrClosed; ctx's error joined with
//	              ErrUnavailable, ErrSuperseded or none
//	Close         ErrUnavailable, ErrPermission, ErrUnsupported
//	OptionsFromEnv   ErrInvalid
//	LocalAddresses   ErrNotFound, ErrUnavailable, ErrInvalid
//
// A method that is called before Init returns ErrInvalid.
//
// # Drivers
//
// Programs choose a driver by name, and import it: "etcd" is the registry itself;
// "memory" one within the process, for tests, which can be made to fail; "dns" finds
// services by DNS, where there is no access to etcd, and registers nothing.
//
// A driver implements Registry, and whichever of Closer, Waiter, Watcher, Drainer, Lister,
// ListWatcher and Reporter it can; it calls RegisterDriver when it is imported. Package registrartest
// has the tests that all of them pass.
package registrar
