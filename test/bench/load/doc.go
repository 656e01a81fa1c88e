// Package load makes the data that servers are measured with, the same for all of
// them, and writes it: to etcd in batches, or as a zone file.
package load
