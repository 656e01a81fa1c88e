package member

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The phases of a server's life, which decide about what etcd logs.
const (
	starting int32 = iota
	running
	stopping
)

// known are warnings of etcd about choices made here on purpose; they would only unsettle the user at each start.
var known = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.": true, // matters for watches of gigabytes
	"simple token is not cryptographically signed":                                         true, // etcd's default for passwords
	"failed to lock file": true, // old files that it would remove are in use: every half minute while its log is long
}

// closing are errors that are none once the server is stopping: listeners that end because they are closed.
var closing = map[string]bool{
	"setting up serving from embedded etcd failed.": true,
	"stopping insecure grpc server due to error":    true,
	"stopped insecure grpc server due to error":     true,
	"stopping secure grpc server due to error":      true,
	"stopped secure grpc server due to error":       true,
}

// starvedMessage is what etcd logs when there is no space for the next file of its log. It goes on until the present file
// is full, and then ends, even if there is space again.
const starvedMessage = "failed to preallocate space when creating a new WAL"

// maxText bounds a line of etcd's log, which can quote a request.
const maxText = 8 << 10

// etcdLog is the log of an etcd, and what is learned from it. It is safe for concurrent use.
type etcdLog struct {
	to      *reporter
	phase   atomic.Int32
	starved atomic.Bool // starvedMessage was logged
	quiet   atomic.Bool // log nothing: an outage has been logged, and this is one of the tries to end it
}

// logger returns a logger for etcd whose warnings and errors are reported.
func (l *etcdLog) logger() *zap.Logger {
	const every, first, more = 10 * time.Second, 3, 0 // after the first ones of a kind no more in this time: some come in hundreds
	return zap.New(zapcore.NewSamplerWithOptions(core{log: l}, every, first, more))
}

// infof logs unless this is one of many tries to start etcd.
func (l *etcdLog) infof(format string, args ...any) {
	if !l.quiet.Load() {
		l.to.Infof(format, args...)
	}
}

// fail reports what ends the process. An etcd that gives up while it starts has met files that it can't read.
func (l *etcdLog) fail(reason string) {
	if l.phase.Load() == starting {
		reason = "etcd gave up: " + reason + ": if its files are damaged, restore the data folder from a backup, or move it " +
			"away to start empty"
	}
	l.to.fail(reason)
}

// core is a zapcore.Core that reports.
type core struct {
	log    *etcdLog
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
	if entry.Message == starvedMessage {
		c.log.starved.Store(true)
	}
	if !c.Enabled(entry.Level) || known[entry.Message] || (closing[entry.Message] && c.log.phase.Load() == stopping) ||
		(c.log.quiet.Load() && entry.Level <= zapcore.DPanicLevel) {
		return checked
	}
	return checked.AddCore(entry, c)
}

// Write implements zapcore.Core. zap ends the process, or panics, after an entry of such a level.
func (c core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	line := format(entry.Message, slices.Concat(c.fields, fields))
	line = line[:min(len(line), maxText)]
	switch {
	case entry.Level > zapcore.DPanicLevel:
		c.log.fail(line)
	case entry.Level >= zapcore.ErrorLevel:
		c.log.to.Errorf("etcd: %s", line)
	default:
		c.log.to.Warningf("etcd: %s", line)
	}
	return nil
}

// Sync implements zapcore.Core: reports are on their way.
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
