// Package memory is the driver "memory" of package registrar: a registry within
// the process, for tests of programs that use one.
//
// It behaves as the driver "etcd" does with an etcd that never fails, and at
// once: what Register has returned from is seen by the next GetService. What it
// lacks is what needs another process: contact is never lost, leases don't run
// out, and nothing is stale.
//
// Each client has a registry of its own unless WithStore gives it one to share:
//
//	store := memory.NewStore()
//	a, err := registrar.Open(ctx, "memory", memory.WithStore(store))
//	b, err := registrar.Open(ctx, "memory", memory.WithStore(store))
package memory
