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
		if took := time.Since(began); took < lockTimeout || took > lockTimeout+2*lockPause {
			t.Errorf("it waited %v, want %v", took, lockTimeout)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := lockDataDir(ctx, dir); !errors.Is(err, errStopped) {
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

// TestStopDoesNotWaitForDisk has a start hang on its disk. Once it is told to stop it is left behind.
func TestStopDoesNotWaitForDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		answer, went := make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := hurry(ctx, "/data", func() (*os.File, error) {
				<-answer
				return nil, errors.New("input/output error")
			})
			went <- err
		}()
		elapse(time.Hour)
		if len(went) != 0 {
			t.Error("gave up before it was told to")
		}
		cancel()
		elapse(stopStartTimeout)
		select {
		case err := <-went:
			if !errors.Is(err, errStopped) {
				t.Errorf("got %v", err)
			}
		default:
			t.Error("waits for a disk that doesn't answer")
		}
		close(answer)
	})
}
