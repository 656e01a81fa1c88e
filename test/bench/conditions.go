package main

import (
	"fmt"
	"runtime"

	"github.com/rosterdns/roster/test/bench/process"
)

// conditions says how and on what machine is measured, as a sentence. It is taken at the
// start: the load is then that of others.
func (o *options) conditions() string {
	return fmt.Sprintf("%d rounds of %v, %d instances in the large registry, on %d processors (%s, %s/%s), Roster built with %s. Load average at the start: %s.",
		o.rounds, o.duration, o.instances, runtime.NumCPU(), process.Processor(), runtime.GOOS, runtime.GOARCH, runtime.Version(), process.LoadAverage())
}
