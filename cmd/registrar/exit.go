package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"unicode"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar"
)

// The exit codes of the command. Scripts rely on them.
const (
	exitOK          = 0
	exitFailure     = 1 // what none of the others says
	exitUsage       = 2 // a bad flag or argument, or invalid input
	exitNotFound    = 3
	exitUnavailable = 4 // no contact with etcd
	exitPermission  = 5
	exitTimeout     = 6 // contact with etcd, but not done within --timeout
)

// exitSignal is the base of the exit code of a process that a signal ended, as
// shells have it.
const exitSignal = 128

// usageError is a mistake in how the command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// signalled ends the command at once, without a message: who sent the signal
// knows.
type signalled int

func (s signalled) Error() string { return "signal " + strconv.Itoa(int(s)) }

// commandError is the end of a command that was run.
type commandError struct {
	code int
	err  error // why it could not be started; nil if it was, and has said all itself
}

func (e *commandError) Error() string {
	if e.err == nil {
		return "exit code " + strconv.Itoa(e.code)
	}
	return "starting the command: " + e.err.Error()
}

func (e *commandError) Unwrap() error { return e.err }

// commandEnded returns the error of a command that has ended with an exit code.
func commandEnded(code int) error {
	if code == exitOK {
		return nil
	}
	return &commandError{code: code}
}

// silent reports whether an error has nothing to tell the user.
func silent(err error) bool {
	if _, ok := errors.AsType[signalled](err); ok {
		return true
	}
	command, ok := errors.AsType[*commandError](err)
	return ok && command.err == nil
}

// ending is how the command ends for a class of errors, and what a user can do
// about them.
type ending struct {
	is   func(error) bool
	code int
	hint string
}

// What a user can do while etcd is unavailable.
const (
	awayHint    = "check that etcd is running and that --endpoints names it"
	tlsHint     = "check --cacert, --cert and --key, and that --endpoints uses https if and only if etcd does"
	noSpaceHint = "free etcd's space (etcdctl compact, then defrag) or raise its --quota-backend-bytes, then run 'etcdctl alarm disarm'"
)

// endings is in order: an error that is several of them has the first one's
// code. No contact comes before the time-out that it leads to.
var endings = []ending{
	{isError(registrar.ErrInvalid), exitUsage, ""},
	{isError(registrar.ErrUnsupported), exitUsage, ""},
	{isError(registrar.ErrNotFound), exitNotFound, ""},
	{isError(registrar.ErrPermission), exitPermission, "check --user, --password-file and --cert, and the etcd roles of that user"},
	{isError(rpctypes.ErrNoSpace), exitUnavailable, noSpaceHint},
	{isTLS, exitUnavailable, tlsHint},
	{isError(registrar.ErrUnavailable), exitUnavailable, awayHint},
	{isError(context.DeadlineExceeded), exitTimeout, "try a longer --timeout"},
}

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// isTLS reports whether there is no contact because one side refuses what the
// other says or shows of itself in a TLS handshake.
func isTLS(err error) bool {
	switch {
	case !errors.Is(err, registrar.ErrUnavailable):
		return false
	case errors.Is(err, io.EOF):
		return true // the other side hangs up, as etcd does that speaks no TLS
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true // of etcd's certificate
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true // the other side speaks something else
	}
	// What crypto/tls makes of an alert from the other side; its type is its own.
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// classify returns how the command ends with an error.
func classify(err error) ending {
	var usage *usageError
	var sig signalled
	var command *commandError
	switch {
	case err == nil:
		return ending{code: exitOK}
	case errors.As(err, &sig):
		return ending{code: exitSignal + int(sig)}
	case errors.As(err, &command):
		return ending{code: command.code}
	case errors.As(err, &usage):
		return ending{code: exitUsage}
	}
	for _, e := range endings {
		if e.is(err) {
			return e
		}
	}
	return ending{code: exitFailure}
}

// report tells the user of an error, in one line and for mistakes of usage a
// second that says where to read on, and returns the exit code.
func report(stderr io.Writer, command string, err error) int {
	end := classify(err)
	if err == nil || silent(err) {
		return end.code
	}
	fmt.Fprintf(stderr, prefix+"%s\n", plain(withHint(err)))
	if _, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(stderr, "Run '%s --help' for usage.\n", command)
	}
	return end.code
}

// withHint returns the text of an error and, if there is something, what a user
// can do about it.
func withHint(err error) string {
	text := err.Error()
	if hint := classify(err).hint; hint != "" {
		text += ": " + hint
	}
	return text
}

// prefix is what each message starts with.
const prefix = "registrar: "

// plain returns a text as a message.
func plain(s string) string { return oneLine(withoutPrefixes(s)) }

// withoutPrefixes takes out that of the library, which is the same.
func withoutPrefixes(s string) string {
	s = strings.TrimPrefix(s, prefix)
	for _, before := range []string{": ", "\n"} {
		s = strings.ReplaceAll(s, before+prefix, before)
	}
	return s
}

// oneLine joins the lines of a message, as those of errors.Join, with "; ", and
// escapes what a terminal would act on. A time-out is called one, and not as Go calls it.
func oneLine(s string) string {
	s = strings.ReplaceAll(s, context.DeadlineExceeded.Error(), "timed out")
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
