// Package rolling restarts the ten servers of a service, and kills them, while clients
// send a thousand requests a second: by packages httpbalance and grpcresolver over the
// driver etcd, and by SRV lookups at a DNS server. The servers are processes, and so are
// etcd and CoreDNS.
//
// A rolling restart loses no request. When a server is killed, only the requests are lost
// that were in flight on it, and of these only those that can't be repeated. Nothing
// here is judged by the clock: on a slow machine it takes longer. The tests run one after
// the other, since each of them keeps a small machine busy.
package rolling
