package harness

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// programEnv makes a test binary run as a program instead of its tests.
const programEnv = "ROSTER_TEST_PROGRAM"

// Programs are what a test binary can run as besides its tests, by name. Each
// gets its arguments and returns its exit code.
type Programs map[string]func(args []string) int

// Main runs the tests of a package, and nothing else, unless the test binary was
// started by Program: then it is that program. It exits. Beside
// failing tests, a goroutine that is left over at the end is a failure.
func Main(m *testing.M, programs Programs) {
	if name := os.Getenv(programEnv); name != "" {
		os.Exit(run(name, programs))
	}
	os.Exit(test(m))
}

func run(name string, programs Programs) int {
	program, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "this test binary has no program %q\n", name)
		return 2
	}
	return program(os.Args[1:])
}

func test(m *testing.M) int {
	defer removeBinaries()
	code := m.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Program is the command that runs this test binary as one of its programs.
func Program(t testing.TB, name string, args ...string) Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Command{Name: name, Path: self, Args: args, Env: []string{programEnv + "=" + name}}
}
