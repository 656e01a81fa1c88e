package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/rosterdns/roster/registrar"
)

// TestUnregisterWhatReadersDoNotSee is about values that are broken, or have no
// lease: GetService hides them, and they are what most needs to be removed.
func TestUnregisterWhatReadersDoNotSee(t *testing.T) {
	t.Parallel()
	broken := instanceName{"default", "broken", "a"}
	r := &fakeRegistry{getErr: registrar.ErrNotFound, keys: map[instanceName]bool{broken: true}}
	if code, _, stderr := newBench(r.open).run(t, "unregister", "broken", "a"); code != exitOK || stderr != "registrar: unregistered default/broken/a\n" {
		t.Errorf("exit code %d, stderr %q; want it unregistered", code, stderr)
	}
	if !slices.Equal(r.removed, []instanceName{broken}) {
		t.Errorf("removed %v, want %v", r.removed, broken)
	}
	const want = "registrar: unregistering default/broken/b: not found: to see its instances, run: registrar get 'default/broken?status=any'\n"
	if code, _, stderr := newBench(r.open).run(t, "unregister", "broken", "b"); code != exitNotFound || stderr != want {
		t.Errorf("exit code %d, stderr %q; want %d, %q", code, stderr, exitNotFound, want)
	}
	if len(r.removed) != 1 {
		t.Errorf("removed %v, want nothing more", r.removed)
	}
}

// TestReadTimeouts shows that a time-out is told from an etcd that is away.
func TestReadTimeouts(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("etcd %w: no answer yet", registrar.ErrUnavailable)
	for name, c := range map[string]struct {
		getErr, existsErr error
		code              int
	}{
		"no contact": {away, away, exitUnavailable},
		"contact, but slow for longer than the library waits": {away, nil, exitTimeout},
		"contact, and refused":                                {away, registrar.ErrPermission, exitTimeout},
		"contact, but slow":                                   {context.DeadlineExceeded, nil, exitTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &fakeRegistry{getErr: c.getErr, existsErr: c.existsErr}
				if code, _, stderr := newBench(r.open).run(t, "get", "orders", "--timeout", "2s"); code != c.code {
					t.Errorf("exit code %d, want %d; stderr: %s", code, c.code, stderr)
				}
			})
		})
	}
}

var _ finder = (*fakeRegistry)(nil)
