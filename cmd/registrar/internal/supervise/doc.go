// Package supervise runs the command of an instance: its process group, the signals
// that are meant for it, the terminal, and the order of its end.
package supervise
