package harness

import (
	"fmt"
	"testing"
	"time"
)

// RegistrationsReport is what a Registrations did.
type RegistrationsReport struct {
	// Calls counts calls of the library, and Commands runs of the registrar.
	Calls, Commands int
	// Unavailable counts clients that could not unregister when they closed, which
	// leaves that to their lease.
	Unavailable int
	// Slowest is the longest time that a call took.
	Slowest time.Duration
	// Settled is how long after the end etcd held what was desired.
	Settled time.Duration
	// Failed counts what went wrong; Faults are the first few of it.
	Failed int
	Faults []string
}

func (r *RegistrationsReport) fault(format string, args ...any) {
	r.Failed++
	if len(r.Faults) < keptFaults {
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// String is the report on one line.
func (r RegistrationsReport) String() string {
	return fmt.Sprintf("%d calls and %d commands: %d faults, %d closed without etcd; slowest call %v; as desired %v after the end",
		r.Calls, r.Commands, r.Failed, r.Unavailable, r.Slowest.Round(time.Millisecond), r.Settled.Round(time.Millisecond))
}

// Check fails the test unless all went well.
func (r RegistrationsReport) Check(t testing.TB) {
	t.Helper()
	t.Logf("registrations: %s", r)
	for _, f := range r.Faults {
		t.Errorf("registrations: %s", f)
	}
	if r.Calls == 0 || r.Commands == 0 {
		t.Error("registrations: there were none")
	}
}
