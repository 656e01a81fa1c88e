// Package etcd is the driver "etcd" of package registrar: a registry in an etcd
// cluster of version 3.4 or later, in the layout of package catalog.
//
// # Writing
//
// Each client has one lease, granted when the first instance needs it and renewed
// until Close. That costs one stream and, a little more often than every third of
// its TTL, a small message each way; opening the stream costs a log-in, where
// there are users. When the lease is lost, as in an outage longer than its TTL,
// the client takes another and writes all its instances again. Processes that lost
// the same etcd come back to it at random moments within a fifth of the TTL, 5 s
// at most.
//
// Writes go in transactions of up to 126 keys or 1 MiB, four at a time: below the 128
// operations and 1.5 MiB that etcd takes by default. Where etcd takes less, or denies
// a key, a transaction is split until only the instances in question are left out.
//
// Each instance's key is followed: one that is deleted is written again. Up to 64
// keys of a service are followed one by one, beyond that the service. Keys elsewhere
// that are attached to the lease and not desired are removed when the keys of the
// lease are listed: after a lost connection, and every few minutes.
//
// The first write of an ID takes it over from whoever has it. From then on the
// client writes only where the key is absent or its own; where another client
// has taken the ID over in turn, the instance is superseded: the client is
// silent until the key is gone, and then has it back. For static instances,
// which have no lease, "its own" is the revision that the client wrote; a
// different value written by others supersedes them. Values that the client itself
// has sent, and that etcd has not acknowledged, count as the client's: etcd can
// carry them out later. If it does so within a minute of Unregister, the client
// removes them again.
//
// To unregister an instance, the client first writes it with status down, so that
// readers can tell it from one that has crashed, and then deletes it; both only if
// the key is still as it was read. Close leaves the deletion to the revocation of the lease.
// A client remembers the last 10,000 IDs that it has unregistered: older ones
// count as never written.
//
// # Reading
//
// A service that is requested is mirrored in memory by list and watch, with those
// that its policy names, and dropped ten minutes after the last request, once etcd is
// in contact. Beyond 64
// services of one namespace the namespace is mirrored as a whole, if the user
// may read it. All that a client reads and writes is followed on one stream of
// watches. A client follows some 4,000 services one by one at most, and remembers
// 100,000 services that were requested; beyond that, requests get ErrUnavailable.
// Of names with selectors it remembers 1,000 beyond the first name of each service, and
// answers others at several times the cost. A service that is not in a namespace that
// is mirrored as a whole takes no memory.
//
// # Permissions
//
// A user needs read and write on the keys that are registered, below
// PREFIX/NAMESPACE/SERVICE/; and to find services, read on that or on
// PREFIX/NAMESPACE/. A service that is named by the policy of another one, and that
// the user may not read, counts as having no instance. List needs read on what is
// listed. Give permissions by prefixes that end in '/'.
package etcd
