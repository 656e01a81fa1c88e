//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestCommandGetsBrokenPipes: what a command starts ends when nobody reads it any more,
// as in a shell. It would not if it inherited that the signal is ignored.
func TestCommandGetsBrokenPipes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code := filepath.Join(t.TempDir(), "code")
	cmd := exec.CommandContext(ctx, program, "watch", "orders", "--", "sh", "-c", `{ yes; echo $? >"$0.new"; mv "$0.new" "$0"; } | head -n 1`, code)
	cmd.Args[0] = inMemory // testscript.Main goes by it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	eventually(t, "the command has ended", func() bool { return read(t, code) != "" })
	if got, want := read(t, code), "141\n"; got != want {
		t.Errorf("yes had the exit code %swant %s", got, want)
	}
	if err := cmd.Process.Signal(terminate); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit code 0", err)
	}
}
