// Package e2e tests the whole path with real processes: etcd, the built coredns
// and the built registrar, over real sockets on loopback. It holds tests only.
package e2e
