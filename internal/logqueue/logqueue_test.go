package logqueue_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/internal/logqueue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a handler that calls back.
type recorder struct {
	attrs string
	fn    func(text string)
}

func (r recorder) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (r recorder) Handle(_ context.Context, rec slog.Record) error {
	text := r.attrs + rec.Message
	rec.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	r.fn(text)
	return nil
}

func (r recorder) WithAttrs(attrs []slog.Attr) slog.Handler {
	return recorder{r.attrs + fmt.Sprint(attrs) + " ", r.fn}
}

func (r recorder) WithGroup(name string) slog.Handler { return recorder{r.attrs + name + ". ", r.fn} }

func TestOrderAndAttributes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		log, q := logqueue.New(slog.New(recorder{fn: func(text string) { got = append(got, text) }}))
		log.Info("one", "k", 1)
		log.Debug("not enabled")
		log.With("a", "b").Warn("two")
		log.WithGroup("g").Error("three")
		q.Flush(time.Now().Add(time.Second))
		if want := []string{"one k=1", "[a=b] two", "g. three"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		q.Flush(time.Now()) // there is nothing to wait for
	})
}

// TestHandlerThatLogs: neither the caller's mutex nor the queue's is held while
// the handler runs.
func TestHandlerThatLogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log *slog.Logger
		var got []string
		log, q := logqueue.New(slog.New(recorder{fn: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, text); text == "outer" {
				log.Info("inner")
			}
		}}))
		mu.Lock()
		log.Info("outer")
		mu.Unlock()
		q.Flush(time.Now().Add(time.Second))
		if want := []string{"outer", "inner"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestHandlerThatBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var got []string
		log, q := logqueue.New(slog.New(recorder{fn: func(text string) {
			<-release
			got = append(got, text)
		}}))
		log.Info("first")
		synctest.Wait()
		for i := range 3000 {
			log.Info("more", "i", i)
		}
		start := time.Now()
		q.Flush(start.Add(time.Second))
		if took := time.Since(start); took != time.Second {
			t.Errorf("Flush took %v, want until its deadline", took)
		}
		close(release)
		q.Flush(time.Now().Add(time.Second))
		last := got[len(got)-1]
		if len(got) != 1+1024+1 || got[1024] != "more i=1023" || last != "the log handler is too slow, messages were dropped messages=1976" {
			t.Errorf("%d messages, the last is %q", len(got), last)
		}
		if n := q.Dropped(); n != 1976 {
			t.Errorf("%d dropped, want 1976", n)
		}
		log.Info("after")
		q.Flush(time.Now().Add(time.Second))
		if got[len(got)-1] != "after" {
			t.Error("the queue doesn't work any more")
		}
	})
}
