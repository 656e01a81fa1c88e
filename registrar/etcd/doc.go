// Package etcd is the driver "etcd" of package registrar: a registry in an etcd
// cluster of version 3.4 or later, in the layout of package catalog.
//
// # Writing
//
// Each client has one lease, granted when the first instance needs it and kept
// alive until Close. That costs one stream and, a little more often than every
// third of its TTL, a small message each way; opening the stream costs a log-in,
// where there are users. When the lease is lost, as in an outage longer than its
// TTL, the client takes another and writes all its instances again. Processes
// that lost the same etcd come back to it at random moments within a fifth of
// the TTL, 5 s at most.
//
// Each instance's key is watched: one that is deleted is written again. When the
// connection was lost, and every few minutes, all keys are read, since a watch
// doesn't tell that etcd was wiped or restored from a backup.
//
// The first write of an ID takes it over from whoever has it. From then on the
// client writes only where the key is absent or its own; where another client
// has taken the ID over in turn, the instance is superseded: the client is
// silent until the key is gone, and then has it back. For static instances,
// which hang on no lease, "its own" is any key without one; but a different
// value written by others supersedes them all the same. Values that the client
// has sent itself, and that etcd has not answered, are none of others': etcd can
// carry them out late. If it does so within a minute of Unregister, the client
// takes them out again.
//
// To go, an instance is first written with status down, so that readers can
// tell it from one that has crashed, and then deleted; both only as long as the
// key is as it was read. A client remembers the last 10,000 IDs that it has
// unregistered: older ones count as never written.
//
// # Reading
//
// A service that is asked for is mirrored in memory by list and watch, and
// dropped ten minutes after the last question, once etcd is in contact. Past 64
// services of one namespace the namespace is mirrored as a whole, if the user
// may read it. A client runs some 4,000 mirrors at most, and remembers 100,000
// services that were asked for; what goes beyond is ErrUnavailable.
//
// # Permissions
//
// A user needs read and write on the keys that are registered, below
// PREFIX/NAMESPACE/SERVICE/; and to find services, read on that or on
// PREFIX/NAMESPACE/. List needs read on what is listed. Give permissions by
// prefixes that end in '/'.
package etcd
