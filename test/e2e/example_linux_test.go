package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

// example is a run of examples/shop.
type example struct {
	*harness.Process
	bin string // in the environment of all its processes
}

// startExample does what `make example` does, with a folder of programs and ports of its own.
func startExample(t *testing.T) *example {
	t.Helper()
	bin, temporary := t.TempDir(), t.TempDir()
	for _, name := range []string{"coredns", "registrar"} {
		if err := os.Symlink(harness.Binary(t, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	commands := tour.MakeCommands(t, "example")
	build, run := commands[len(commands)-2], commands[len(commands)-1]
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(build, "../bin/", bin+"/", 1))
	cmd.Dir = harness.SourceRoot()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}

	env := []string{"BIN=" + bin, "TMPDIR=" + temporary, "EVERY=10ms"}
	for _, port := range []string{"DNS_PORT", "ETCD_PORT", "PRICE_A", "PRICE_B"} {
		env = append(env, fmt.Sprintf("%s=%d", port, harness.FreePort(t)))
	}
	e := &example{harness.Start(t, harness.Command{Name: "example", Path: "sh", Args: []string{"-c", run}, Dir: harness.SourceRoot(), Env: env}), bin}
	t.Cleanup(func() {
		select {
		case <-e.Done():
		default:
			e.Stop(t) // a test that failed leaves no processes behind
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("it left %v, %v", left, err)
		}
	})
	return e
}

// pid is the process of an instance, as the example says.
func (e *example) pid(t *testing.T, instance string) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^example: ` + instance + ` is process (\d+)$`).FindStringSubmatch(e.Output())
	if found == nil {
		t.Fatalf("the example names no process of %s", instance)
	}
	pid, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// terminate sends TERM to an instance's process.
func (e *example) terminate(t *testing.T, instance string) {
	t.Helper()
	if err := syscall.Kill(e.pid(t, instance), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// running returns the processes of the example.
func (e *example) running(t *testing.T) (processes []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		// One that has ended meanwhile has none.
		if environment, err := os.ReadFile(path); err == nil && strings.Contains(string(environment), "BIN="+e.bin+"\x00") {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			processes = append(processes, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return processes
}

// TestExample runs `make example`: the checkout uses two instances of each service, goes
// on without a failure when one of each is stopped, and at the end nothing is left running.
func TestExample(t *testing.T) {
	t.Parallel()
	e := startExample(t)
	for _, text := range []string{"checkout: stock a has", "checkout: stock b has", ", prices a asks", ", prices b asks"} {
		e.WaitOutput(t, harness.Patience, text, 1)
	}
	// The script, coredns, etcd, two of stock, two of prices with registrar, and the checkout.
	if processes := e.running(t); len(processes) != 10 {
		t.Errorf("these run, want 10: %q", processes)
	}

	e.terminate(t, "stock b")
	harness.WaitGone(t, e.pid(t, "stock b"))
	e.terminate(t, "prices b")
	const gone = "unregistered default/prices/b\n"
	e.WaitOutput(t, harness.Patience, gone, 1)
	e.WaitOutput(t, harness.Patience, "checkout: stock", strings.Count(e.Output(), "checkout: stock")+20)
	_, all, _ := strings.Cut(e.Output(), "checkout: stock")
	if failed := harness.Lines(all, "failed"); len(failed) > 0 {
		t.Errorf("requests failed: %q", failed)
	}
	_, after, _ := strings.Cut(all, gone)
	for _, line := range harness.Lines(after, "checkout: ") {
		if want := "checkout: stock a has 6 apples, prices a asks 60 cents"; line != want {
			t.Errorf("without the instances b it says %q, want %q", line, want)
		}
	}

	if code := e.Stop(t); code != 0 || !strings.HasSuffix(e.Output(), "example: all have ended\n") {
		t.Errorf("exit code %d after TERM", code)
	}
	if processes := e.running(t); len(processes) > 0 {
		t.Errorf("these are left running: %q", processes)
	}
}
