package etcdserver

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// phase is where in its life the server is, which decides about what etcd logs.
type phase struct{ atomic.Int32 }

const (
	starting int32 = iota
	running
	stopping
)

// known are warnings of etcd about choices made here on purpose; they would only unsettle the user at each start.
var known = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.": true, // matters for watches of gigabytes
	"simple token is not cryptographically signed":                                         true, // etcd's default for passwords
}

// closing are errors that are none once the server is stopping: listeners that end because they are closed.
var closing = map[string]bool{
	"setting up serving from embedded etcd failed.": true,
	"stopping insecure grpc server due to error":    true,
	"stopped insecure grpc server due to error":     true,
	"stopping secure grpc server due to error":      true,
	"stopped secure grpc server due to error":       true,
}

// newLogger returns a logger for etcd whose warnings and errors appear in CoreDNS's log. While the server starts, what
// etcd calls fatal is a panic, for startEmbedded to make an error of it; later it ends the process, as etcd means it.
func newLogger(p *phase) *zap.Logger {
	return zap.New(core{phase: p}, zap.WithFatalHook(fatalHook{p}))
}

type fatalHook struct{ phase *phase }

// OnWrite implements zapcore.CheckWriteHook.
func (h fatalHook) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	if h.phase.Load() != starting {
		os.Exit(1)
	}
	panic(format(entry.Message, fields))
}

// core is a zapcore.Core that writes to CoreDNS's log.
type core struct {
	phase  *phase
	fields []zapcore.Field
}

// Enabled implements zapcore.LevelEnabler: what etcd calls Info is a dozen lines at each start.
func (c core) Enabled(level zapcore.Level) bool { return level >= zapcore.WarnLevel }

// With implements zapcore.Core.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	c.fields = slices.Concat(c.fields, fields)
	return c
}

// Check implements zapcore.Core.
func (c core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) || known[entry.Message] || (closing[entry.Message] && c.phase.Load() == stopping) {
		return checked
	}
	return checked.AddCore(entry, c)
}

// Write implements zapcore.Core.
func (c core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	line := format(entry.Message, slices.Concat(c.fields, fields))
	if entry.Level >= zapcore.ErrorLevel {
		log.Errorf("etcd: %s", line)
	} else {
		log.Warningf("etcd: %s", line)
	}
	return nil
}

// Sync implements zapcore.Core; CoreDNS's log holds nothing back.
func (c core) Sync() error { return nil }

// format writes message key=value..., sorted by key. Whatever isn't plain is quoted: a part comes from the network.
func format(message string, fields []zapcore.Field) string {
	values := zapcore.NewMapObjectEncoder()
	for _, field := range fields {
		field.AddTo(values)
	}
	var line strings.Builder
	line.WriteString(quoteUnlessPlain(message, ""))
	for _, key := range slices.Sorted(maps.Keys(values.Fields)) {
		fmt.Fprintf(&line, " %s=%s", key, quoteUnlessPlain(fmt.Sprint(values.Fields[key]), " ="))
	}
	return line.String()
}

// quoteUnlessPlain leaves printable text without quotes and without the characters in special as it is.
func quoteUnlessPlain(s, special string) string {
	if s == "" || strings.ContainsAny(s, `"`+special) || !strconv.CanBackquote(s) {
		return strconv.Quote(s)
	}
	return s
}
