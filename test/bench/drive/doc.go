// Package drive sends queries to a DNS server, and reports what came back: by
// dnsperf, or for tests by a simple sender of its own.
package drive
