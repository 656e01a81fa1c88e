package harness

import (
	"log/slog"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// LogTo has a client log to its test, which shows that only if it fails: in the log of all
// tests, lines about faults that are made on purpose hide why one has failed. The client
// is to be closed before the test ends.
func LogTo(t testing.TB) registrar.Option {
	return registrar.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil)))
}
