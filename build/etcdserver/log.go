package etcdserver

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

// state is what the logger of an etcd knows about that etcd, and learns of it. It is safe for concurrent use.
type state struct {
	phase   phase
	quiet   atomic.Bool // log nothing: an outage has been logged, and this is one of the tries to end it
	starved atomic.Bool // starvedMessage was logged
	fault   *fault
}

func newState() *state { return &state{fault: newFault()} }

// newLogger returns a logger for etcd whose warnings and errors appear in CoreDNS's log, and whose fatal faults become
// s's.
func newLogger(s *state) *zap.Logger {
	const every, first, more = 10 * time.Second, 3, 0 // after the first ones of a kind no more in this time: some come in hundreds
	sampled := zapcore.NewSamplerWithOptions(core{state: s}, every, first, more)
	return zap.New(sampled, zap.WithFatalHook(s.fault), zap.WithPanicHook(s.fault))
}

// core is a zapcore.Core that writes to CoreDNS's log.
type core struct {
	state  *state
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
		c.state.starved.Store(true)
	}
	if !c.Enabled(entry.Level) || known[entry.Message] || c.state.quiet.Load() ||
		(closing[entry.Message] && c.state.phase.Load() == stopping) ||
		c.state.fault.happened() { // what fails after the first fault, fails because of it
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
