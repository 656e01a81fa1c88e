// Package catalog is Roster's data model: services and their instances, the
// layout of their keys below an etcd prefix, their JSON form, and the rules
// that both the writers and the readers of those keys go by, and which instances
// of a service are selected.
//
// The vocabulary is namespace > service > instance. A value of this package
// is plain data: it is safe for concurrent reading, and for nothing else.
// The package depends on the standard library and on go-json-experiment/json,
// which is the standard library's encoding/json/v2 from Go 1.27 on.
package catalog
