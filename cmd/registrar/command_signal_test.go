//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
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

// TestSecondSignal: a command that is deaf to TERM doesn't hold up who is in a hurry.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	template, _ := templateFile(t, "text")
	for name, args := range map[string][]string{
		"watch":  {"watch", "orders"},
		"render": {"render", template, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			fifo, started := filepath.Join(folder, "fifo"), filepath.Join(folder, "started")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			end, err := os.OpenFile(fifo, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer end.Close() // ends the command, which is left
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(ctx, program, append(args, "--", "sh", "-c", `trap '' TERM; echo started >"$1"; exec cat "$0"`, fifo, started)...)
			cmd.Args[0] = inMemory // testscript.Main goes by it
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the command runs", func() bool { return read(t, started) != "" })
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = cmd.Wait() // the state tells
			}()
			eventually(t, "it has ended", func() bool {
				_ = cmd.Process.Signal(terminate)
				select {
				case <-ended:
					return true
				default:
					return false
				}
			})
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
				t.Errorf("it ended with %v, want by the signal", cmd.ProcessState)
			}
		})
	}
}
