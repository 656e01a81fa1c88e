package roster

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
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
