// Package services shows the keys of a registry as services: the view that the
// DNS plugin and the registrar's etcd driver read.
//
// A Store takes what a mirror brings. Stages decode events, apart from each other
// and from readers; a commit applies one to the present Generation and publishes
// the next one, whole, with the changes between the two as a Delta in a bounded
// journal. A reader takes a generation with one atomic load: what it finds there
// never changes. Subscribers read the journal at their own pace. Services and
// their instances are in copy-on-write B-trees, so that a commit costs what it
// changes, not what there is. With a Guard in front of it, a Store goes on serving
// instances of a mass expiry, and the last ones of a service, for a while.
package services
