//go:build linux

package supervise

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// asInit is the program that does what process 1 does.
const asInit = "as-init"

func init() { programs[asInit] = mainInit }

// mainInit runs a command by Init. Orphans come to this process as they do to process 1.
func mainInit(args []string) int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	signals, stop := Signals()
	defer stop()
	code, err := Init(args[0], args, os.Environ(), signals)
	if err != nil {
		panic(err)
	}
	return code
}

// TestInitReaps shows that an orphan is waited for, and that signals come through.
func TestInitReaps(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The orphan has ended and is gone, and no zombie, before the script goes on.
	const script = `
		trap 'exit 9' USR1
		(sh -c 'echo $$ >$DIR/orphan' &)
		while [ ! -s $DIR/orphan ]; do sleep 0.01; done
		while kill -0 $(cat $DIR/orphan) 2>$DIR/err; do sleep 0.01; done
		echo >$DIR/ready
		while :; do sleep 0.01; done`
	cmd := exec.CommandContext(t.Context(), self, asInit, shell, "-c", script)
	cmd.Env = append(os.Environ(), "DIR="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	(&bench{dir: dir}).await(t, "ready")
	if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 9 {
		t.Errorf("it ended with %v, want exit code 9; stderr: %s", err, strings.TrimSpace(stderr.String()))
	}
}
