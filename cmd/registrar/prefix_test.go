package main

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// TestMistypedPrefix is of fault 26: where nothing is below the prefix that was given, it
// is named.
func TestMistypedPrefix(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.do(t, "", exitOK, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--static")
	for _, args := range [][]string{{"get", "orders"}, {"unregister", "orders", "a"}, {"policy", "get", "orders"}} {
		_, stderr := s.do(t, "", exitNotFound, append(args, "--prefix", "/rostr")...)
		if want := `: nothing is registered below prefix "/rostr": check --prefix`; !strings.Contains(stderr, want) {
			t.Errorf("registrar %s said %q, want %q", strings.Join(args, " "), stderr, want)
		}
	}
	if _, stderr := s.do(t, "", exitOK, "list", "--prefix", "/rostr"); stderr != "registrar: no services in any namespace below prefix \"/rostr\": check --prefix\n" {
		t.Errorf("list said %q", stderr)
	}
	// One that has something, or is the usual one, is not the mistake.
	for _, args := range [][]string{{"get", "nope"}, {"get", "nope", "--prefix", "/roster/"}} {
		if _, stderr := s.do(t, "", exitNotFound, args...); strings.Contains(stderr, "--prefix") {
			t.Errorf("registrar %s said %q", strings.Join(args, " "), stderr)
		}
	}
	// Who may not look does not learn it.
	r := &fakeRegistry{getErr: registrar.ErrNotFound, empty: true, existsErr: registrar.ErrPermission}
	if code, _, stderr := newBench(r.open).run(t, "get", "orders", "--prefix", "/rostr"); code != exitNotFound || strings.Contains(stderr, "--prefix") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}
