package logqueue

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"
)

// NewWriter returns a writer that never waits, and its queue: each write goes to w,
// in order, from a goroutine of its own. Where w falls behind, the newest writes are
// dropped, and a line says how many. Writes never fail.
func NewWriter(w io.Writer) (io.Writer, *Queue) {
	log, q := New(slog.New(raw{w: w}))
	return lineWriter{log.Handler()}, q
}

// lineWriter makes a record of each write.
type lineWriter struct{ queue slog.Handler }

// Write implements io.Writer.
func (l lineWriter) Write(p []byte) (int, error) {
	return len(p), l.queue.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, string(p), 0))
}

// raw writes the message of a record, as it is if it is a line.
type raw struct {
	slog.Handler // none: it has no attributes and no groups

	w io.Writer
}

// Enabled implements slog.Handler.
func (raw) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h raw) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	if !strings.HasSuffix(line, "\n") { // the queue's own
		r.Attrs(func(a slog.Attr) bool {
			line += " " + a.String()
			return true
		})
		line = "[" + r.Level.String() + "] " + line + "\n"
	}
	_, err := io.WriteString(h.w, line)
	return err
}
