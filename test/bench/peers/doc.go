// Package peers starts the servers that are compared, each configured for the same
// data on a port of 127.0.0.1, and the etcd that some of them read.
package peers
