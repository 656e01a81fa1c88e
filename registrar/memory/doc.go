// Package memory is the driver "memory" of package registrar: a registry within
// the process, for tests of programs that use one.
//
// It behaves as the driver "etcd" does with an etcd that never fails, and at
// once: what Register has returned from is seen by the next GetService. Contact is
// lost, and leases run out, only where a test has it so: Store.SetState makes a registry
// stale, unavailable or forbidding.
//
// Each client has a registry of its own unless WithStore gives it one to share:
//
//	store := memory.NewStore()
//	a, err := registrar.Open(ctx, "memory", memory.WithStore(store))
//	b, err := registrar.Open(ctx, "memory", memory.WithStore(store))
package memory
