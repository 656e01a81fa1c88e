// Package localaddr finds the addresses of this machine that an instance is to be
// registered with, and follows them: a lease of DHCP ends, a VPN comes up, the route to
// the backend moves to another interface.
//
// A [Source] says which addresses are meant. Its Follow reports what it finds, and again
// when that changes; Await waits for a first address. On Linux the kernel tells of
// changes; elsewhere the addresses are looked at every ten seconds.
package localaddr
