package faults_test

import (
	"flag"
	"os"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// How many faults are under way at once. They mostly wait, so that it is more
// than the default, which is the number of processors. Those of a soak are long, and
// leave each other less of the machine.
const (
	parallelTests = "6"
	parallelSoaks = "10"
)

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := parallelTests
	if harness.Soaking() {
		parallel = parallelSoaks
	}
	if err := flag.Set("test.parallel", parallel); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(2)
	}
	harness.Main(m, nil)
}
