// Package mirror runs mirrors against real etcd processes.
package mirror
