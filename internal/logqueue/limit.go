package logqueue

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// limitEvery is how often a message about one key is passed on: whoever writes
	// a bad value every second fills no disk with it.
	limitEvery = time.Minute
	// maxLimited bounds the keys that are remembered, some hundred KiB. What more
	// keys than that have to say within limitEvery is dropped: nobody reads it.
	maxLimited = 1024
	// keyAttr is the attribute that a message is limited by.
	keyAttr = "key"
)

// Limit returns a handler that passes on one record a minute for each message and
// value of the attribute "key", and all records without one. A record that follows
// others which were left out says how many in "suppressed".
func Limit(next slog.Handler) slog.Handler {
	return limiter{next, &limited{seen: map[subject]*passed{}}}
}

type limiter struct {
	slog.Handler
	limited *limited
}

// subject is what there is one record of in limitEvery.
type subject struct{ message, key string }

type passed struct {
	at         time.Time
	suppressed int // since then
}

// limited is what the handlers of one Limit have in common.
type limited struct {
	mu    sync.Mutex
	seen  map[subject]*passed
	swept time.Time // when seen was last searched for what can go
	rest  int       // left out because seen was full
}

// Handle implements slog.Handler.
func (l limiter) Handle(ctx context.Context, r slog.Record) error {
	key, found := keyOf(r)
	if !found {
		return l.Handler.Handle(ctx, r)
	}
	suppressed, pass := l.limited.pass(subject{r.Message, key}, time.Now())
	if !pass {
		return nil
	}
	if suppressed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("suppressed", suppressed))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limiter{l.Handler.WithAttrs(attrs), l.limited}
}

// WithGroup implements slog.Handler.
func (l limiter) WithGroup(name string) slog.Handler {
	return limiter{l.Handler.WithGroup(name), l.limited}
}

func keyOf(r slog.Record) (key string, found bool) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == keyAttr {
			key, found = a.Value.String(), true
		}
		return !found
	})
	return key, found
}

// pass reports whether a record is passed on now, and how many were not since the
// last one.
func (l *limited) pass(s subject, now time.Time) (suppressed int, pass bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.seen[s]
	if p != nil && now.Sub(p.at) < limitEvery {
		p.suppressed++
		return 0, false
	}
	if p == nil {
		if len(l.seen) >= maxLimited && now.Sub(l.swept) >= time.Second { // it takes a while
			l.forget(now)
		}
		if len(l.seen) >= maxLimited {
			l.rest++
			return 0, false
		}
		p = &passed{}
		l.seen[s] = p
	}
	suppressed = p.suppressed + l.rest
	*p, l.rest = passed{at: now}, 0
	return suppressed, true
}

// forget makes room: what was logged long ago needs no limit.
func (l *limited) forget(now time.Time) {
	l.swept = now
	for s, p := range l.seen {
		if now.Sub(p.at) >= limitEvery {
			l.rest += p.suppressed
			delete(l.seen, s)
		}
	}
}
