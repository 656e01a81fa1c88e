package command_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/command"
)

// job is what a runner does: it takes until release has a result for it.
type job struct {
	mu      sync.Mutex
	log     []string
	started time.Time
	release chan error
}

func (j *job) do(ctx context.Context, input string) error {
	j.add(fmt.Sprintf("%s at %v", input, time.Since(j.started).Truncate(time.Second/2)))
	select {
	case err := <-j.release:
		return err
	case <-ctx.Done():
		j.add("ended")
		return ctx.Err()
	}
}

func (j *job) failed(err error, _ time.Duration) { j.add(err.Error()) }

func (j *job) add(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log = append(j.log, text)
}

func (j *job) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.log, want) {
		t.Errorf("log %q, want %q", j.log, want)
	}
	j.log = nil
}

func newJob(t *testing.T) (*job, *command.Runner[string]) {
	t.Helper()
	j := &job{started: time.Now(), release: make(chan error)}
	return j, command.NewRunner(t.Context(), j.do, j.failed)
}

// TestRunnerTakesTheNewest: one run at a time, and of what waits the newest alone.
func TestRunnerTakesTheNewest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, r := newJob(t)
		r.Submit("a")
		j.want(t, "a at 0s")
		r.Submit("b")
		r.Submit("c")
		r.Submit("d")
		j.want(t)
		j.release <- nil
		j.want(t, "d at 0s")
		j.release <- nil
		time.Sleep(time.Hour)
		j.want(t)
		r.Submit("e")
		j.want(t, "e at 1h0m0s")
		r.Close()
		j.want(t, "ended")
	})
}

// TestRunnerTriesAgain after a pause, or at once with something new.
func TestRunnerTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, r := newJob(t)
		defer r.Close()
		broken := errors.New("broken")
		r.Submit("a")
		j.want(t, "a at 0s")
		j.release <- broken
		j.want(t, "broken")
		time.Sleep(time.Second)
		j.want(t, "a at 500ms")
		j.release <- broken
		j.want(t, "broken")
		r.Submit("b")
		j.want(t, "b at 1s")
		j.release <- nil
		time.Sleep(time.Hour)
		j.want(t)
		r.Submit("c")
		j.want(t, "c at 1h0m1s")
		j.release <- broken
		time.Sleep(time.Second)
		j.want(t, "broken", "c at 1h0m1.5s") // the pauses begin anew
	})
}

// TestRunnerEndsWhilePaused: Close doesn't wait for the next try.
func TestRunnerEndsWhilePaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, r := newJob(t)
		r.Submit("a")
		j.release <- errors.New("broken")
		j.want(t, "a at 0s", "broken")
		r.Close()
		j.want(t)
	})
}
