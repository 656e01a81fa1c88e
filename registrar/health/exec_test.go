//go:build unix

package health_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar/health"
)

func TestExec(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"true":                       "",
		"echo fine; echo >&2 warns":  "",
		"exit 2":                     `"sh": exit status 2`,
		"echo disk full >&2; exit 1": `"sh": exit status 1: "disk full"`,
		"kill -KILL $$":              "signal: killed",
		`test "$ROSTER_ID" = a`:      "",
	} {
		expect(t, script, &health.Exec{Command: []string{"sh", "-c", script}, Env: append(os.Environ(), "ROSTER_ID=a")}, want)
	}
	expect(t, "no program", &health.Exec{Command: []string{"./no-such-check"}}, "no such file")
	expect(t, "nothing", &health.Exec{}, "no command")
}

// TestExecLeavesProcess shows that exit code 0 is a success although a process that the
// command has started has its output open.
func TestExecLeavesProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	expect(t, "in the background", &health.Exec{Command: []string{"sh", "-c", `sleep 1000 & echo $! >` + file}}, "")
	text, err := os.ReadFile(file)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid == 0 {
		t.Fatalf("the command said %q, %v", text, err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// TestExecOutput shows that of a lot of output the end is remembered.
func TestExecOutput(t *testing.T) {
	t.Parallel()
	err := (&health.Exec{Command: []string{"sh", "-c", "yes | head -c 1000000; echo the end; exit 1"}}).Probe(t.Context())
	if err == nil || len(err.Error()) > 4<<10 || !strings.HasSuffix(err.Error(), `the end"`) {
		t.Errorf("got %v", err)
	}
}

// TestExecKillsItsGroup shows that a check that hangs leaves no process behind, whoever
// of them it is that hangs.
func TestExecKillsItsGroup(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- (&health.Exec{Command: []string{"sh", "-c", `sleep 1000 & echo $! >` + file + `; wait`}}).Probe(ctx)
	}()
	var pid int
	for pid == 0 {
		text, _ := os.ReadFile(file)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	for !gone(pid) {
		if t.Context().Err() != nil {
			t.Fatal("the child is still there")
		}
		time.Sleep(time.Millisecond)
	}
}

// gone reports whether a process has ended; one that nobody has waited for yet has.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}
