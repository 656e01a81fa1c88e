package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLockNamesHolder has a second one wait for a data folder, and then say who uses it.
func TestLockNamesHolder(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first, err := lockDataDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := lockDataDir(t.Context(), dir)
		if want := fmt.Sprintf("another process uses this data folder: coredns with process ID %d", os.Getpid()); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
		if took := time.Since(began); took != lockTimeout {
			t.Errorf("it waited %v, want %v", took, lockTimeout)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := lockDataDir(ctx, dir); !errors.Is(err, context.Canceled) {
			t.Errorf("told to stop: %v", err)
		}
	})
	first.Close()
	again, err := lockDataDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
