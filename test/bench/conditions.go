package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// conditions says how and on what machine is measured, as a sentence. It is taken at the
// start: the load is then that of others.
func (o *options) conditions() string {
	return fmt.Sprintf("%d rounds of %v, %d instances in the large registry, on %d processors (%s, %s/%s), Roster built with %s. Load average at the start: %s.",
		o.rounds, o.duration, o.instances, runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH, runtime.Version(), loadAverage())
}

// processor is the processor's model.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown" // not all architectures name it
}

// loadAverage is that of the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}
