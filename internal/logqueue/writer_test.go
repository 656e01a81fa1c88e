package logqueue_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/logqueue"
)

type writerFunc func(p []byte)

func (fn writerFunc) Write(p []byte) (int, error) {
	fn(p)
	return len(p), nil
}

func TestWriter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var got []string
		w, q := logqueue.NewWriter(writerFunc(func(p []byte) {
			<-release
			got = append(got, string(p))
		}))
		line := []byte("first\n")
		if n, err := w.Write(line); n != len(line) || err != nil {
			t.Errorf("wrote %d bytes: %v", n, err)
		}
		copy(line, "XXXXX") // the caller's again
		synctest.Wait()
		for i := range 2000 {
			_, _ = fmt.Fprintf(w, "line %d\n", i)
		}
		close(release)
		q.Flush(time.Now().Add(time.Second))
		if want := []string{"first\n", "line 0\n", "line 1\n"}; !slices.Equal(got[:3], want) {
			t.Errorf("got %q, want %q", got[:3], want)
		}
		if last := got[len(got)-1]; !strings.HasPrefix(last, "[WARN] ") || !strings.HasSuffix(last, "messages were dropped messages=976\n") {
			t.Errorf("the last line is %q", last)
		}
	})
}

// TestWriterThatFails: nobody is told, as nobody could do anything about it.
func TestWriterThatFails(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	_ = r.CloseWithError(io.ErrClosedPipe)
	queued, q := logqueue.NewWriter(w)
	if _, err := queued.Write([]byte("x\n")); err != nil {
		t.Error(err)
	}
	q.Flush(time.Now().Add(time.Minute))
}
