package faults_test

import (
	"flag"
	"os"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// parallelTests is how many faults are under way at once. They mostly wait, so
// that it is more than the default, which is the number of processors.
const parallelTests = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", parallelTests); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(2)
	}
	harness.Main(m, nil)
}
