package roster

import (
	"fmt"
	golog "log"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestLog checks that what other packages log arrives, by its level, with what
// is foreign quoted.
func TestLog(t *testing.T) { // not parallel: it reads the log of the process
	log := logged(t)
	l := slog.New(clogHandler{}).With("key", "default/\n[ERROR] forged/a")
	l.Warn("skipped a key", "revision", int64(7), "error", fmt.Errorf("bad %s", "value\x1b"), "took", 2*time.Second)
	l.Info("fine")
	l.Error("broken", "reason", "x y")
	l.Debug("nothing")
	got := log.String()
	for _, want := range []string{
		`[WARNING] plugin/roster: skipped a key key="default/\n[ERROR] forged/a" revision=7 error="bad value\x1b" took=2s` + "\n",
		`[INFO] plugin/roster: fine key="default/\n[ERROR] forged/a"` + "\n",
		`[ERROR] plugin/roster: broken key="default/\n[ERROR] forged/a" reason="x y"` + "\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("logged\n%s\nwant in it\n%s", got, want)
		}
	}
	if n := strings.Count(got, "\n"); n != 3 {
		t.Errorf("%d lines, want 3:\n%s", n, got)
	}
}

// blockedWriter is a pipe that nobody reads.
type blockedWriter struct{ release chan struct{} }

func (w blockedWriter) Write(p []byte) (int, error) {
	<-w.release
	return len(p), nil
}

// TestLogThatBlocks: a log that nobody reads holds up neither the store nor the
// mirror, and what is dropped is counted.
func TestLogThatBlocks(t *testing.T) { // not parallel: it is the log of the process
	logged(t)
	m := started(t, away(t, ""))
	w := blockedWriter{make(chan struct{})}
	golog.SetOutput(w)
	dropped := output.Dropped()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 3000 {
			apply(m.Store(), int64(i+1), mirror.Event{Key: fmt.Sprintf("default/orders/%d", i), Value: []byte("{"), ModRevision: int64(i + 1), Lease: 1})
			m.log.Warn("something else", "i", i)
		}
	}()
	select {
	case <-done:
	case <-time.After(deadline):
		t.Error("the store waits for the log")
	}
	if n := output.Dropped() - dropped; n < 1000 {
		t.Errorf("%d lines dropped", n)
	}
	close(w.release)
	<-done
}
