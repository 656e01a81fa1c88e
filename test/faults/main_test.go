package faults_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// parallelTests is how many faults are under way at once. They mostly wait, so
// that it is more than the default, which is the number of processors.
const parallelTests = 4

// parallelSoaks is that of a soak for each processor, whose faults all have their
// stream of queries at the same time: one, with its etcd cluster and DNS server,
// takes up to a quarter of a processor.
const parallelSoaks = 2

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := parallelTests
	switch {
	case harness.Soaking():
		parallel = parallelSoaks * runtime.NumCPU()
	case harness.Timing:
		parallel = 1
	}
	if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(2)
	}
	harness.Main(m, nil)
}
