package roster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/rosterdns/roster/internal/logqueue"
)

const pluginName = "roster"

var (
	log = clog.NewWithPlugin(pluginName)
	// logger never waits: there is one standard output, and its lines go through
	// output, which drops what there is no room for.
	logger, output = logqueue.New(slog.New(clogHandler{}))
)

// clogHandler is a slog.Handler that writes to CoreDNS's log, for the packages
// that know slog only. Strings among the attributes are quoted where they need
// it.
type clogHandler struct {
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (clogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || clog.D.Value()
}

// Handle implements slog.Handler.
func (h clogHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		if s := a.Value.Resolve(); s.Kind() == slog.KindString || s.Kind() == slog.KindAny {
			fmt.Fprintf(&b, " %s=%q", a.Key, s.String())
		} else {
			fmt.Fprintf(&b, " %s=%s", a.Key, s)
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	switch {
	case r.Level >= slog.LevelError:
		log.Error(b.String())
	case r.Level >= slog.LevelWarn:
		log.Warning(b.String())
	case r.Level >= slog.LevelInfo:
		log.Info(b.String())
	default:
		log.Debug(b.String())
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h clogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return clogHandler{append(slices.Clip(h.attrs), attrs...)}
}

// WithGroup implements slog.Handler; no logger here has groups.
func (h clogHandler) WithGroup(string) slog.Handler { return h }
