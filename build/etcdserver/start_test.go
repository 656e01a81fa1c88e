package etcdserver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestStopDoesNotWaitForStart has a start hang on its disk. Once it is told to stop it is left behind, and ends the etcd
// that it gets after all.
func TestStopDoesNotWaitForStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		answer, went := make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := hurry(ctx, "/data", func() (*server, error) {
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
		elapse(leaveStartTimeout)
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

// TestLateStartEndsItself has an etcd start after nobody waits for it any more.
func TestLateStartEndsItself(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	left, launched := make(chan struct{}), make(chan error)
	_, err := hurry(ctx, cfg.dataDir, func() (*server, error) {
		<-left
		s, err := launch(context.WithoutCancel(ctx), cfg, newTestGuard(cfg), false)
		launched <- err
		return s, err
	})
	close(left)
	if !errors.Is(err, errStopped) {
		t.Fatalf("got %v", err)
	}
	if err := <-launched; err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		if s, err := startServer(t.Context(), cfg, newTestGuard(cfg), false); err == nil {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it goes on")
		}
	}
}
