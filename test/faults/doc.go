// Package faults breaks what a registry depends on, under a steady stream of
// queries and of registrations, and shows what users then see: answers that go
// on, staleness that shows, and a mirror that equals etcd soon after. Each test
// logs its figures. `make test` runs the short forms, `make soak` the long ones.
package faults
