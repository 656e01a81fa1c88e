// Package process runs the programs that are measured, and reads from /proc what
// they take: processor time and resident memory.
package process
