package services

import (
	"slices"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestEntries restores a store from what another has, and compares.
func TestEntries(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(
		put(2, "n/s/a", value(1, `"metadata":{"k":"v"},"tags":["x"]`)),
		putWithoutLease(3, "n/s/b", value(2, `"static":true,"status":"draining"`)),
		put(4, "n/s/_status/b", `{"status":"down","reason":"why"}`),
		put(5, "n/t/a", value(3, "")),
		put(6, "n/t/_status/absent", `{"status":"down"}`),
		put(7, "n/t/broken", "{"),
		put(8, "m/s/a", value(4, "")),
		del(9, "n/t/a"),
		put(10, "n/t/c", value(5, "")),
		put(10, "n/t/_policy", `{"min_up":1,"keep_last":0}`),
		put(10, "n/u/_policy", `{"alias":"n/t"}`),
		put(10, "n/v/_policy", `{"ttl":1}`),
	))
	again, sk := newStore(t)
	var events []mirror.Event
	for e := range s.Load().Entries() {
		events = append(events, restored(e))
	}
	again.RestoreSerial(s.Load().FullSerial(), s.Load().SerialOffset(), 10)
	apply(again, commit{Cause: mirror.CauseRestore, Events: events, Revision: 10})
	if got, want := show(again.Load()), show(s.Load()); !slices.Equal(got, want) {
		t.Errorf("restored %q, want %q", got, want)
	}
	if again.Load().Serial() != s.Load().Serial() {
		t.Errorf("serial %d, want %d", again.Load().Serial(), s.Load().Serial())
	}
	if len(sk.lines()) > 0 {
		t.Errorf("logged %q", sk.lines())
	}
	// The instance's own status is there when the override is deleted.
	apply(again, batch(del(11, "n/s/_status/b")))
	if in := again.Load().Service("n", "s").Instance("b"); in.Status != catalog.StatusDraining {
		t.Errorf("b is %s, want what it said itself", in.Status)
	}
	for e := range s.Load().Entries() { // a loop that ends early
		_ = e
		break
	}
}

// TestRepeatsAreNoChange applies what is there already, as lists do after a
// snapshot was loaded.
func TestRepeatsAreNoChange(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	events := []mirror.Event{
		put(2, "n/s/a", value(1, "")),
		put(3, "n/s/_status/a", `{"status":"down"}`),
		put(4, "n/s/b", value(2, "")),
		put(4, "n/s/_policy", `{"ttl":5}`),
	}
	apply(s, batch(events...))
	before, serial := s.Load().Service("n", "s"), s.Load().Serial()
	apply(s, commit{Events: events, Revision: 4})
	apply(s, commit{Events: []mirror.Event{
		del(4, "n/s/absent"), del(4, "n/none/a"), del(4, "n/s/_status/absent"), put(4, "n/s/broken", "{"),
	}, Revision: 4})
	if s.Load().Service("n", "s") != before || s.Load().Serial() != serial {
		t.Error("repeats made a new version")
	}
	apply(s, batch(put(5, "n/s/a", value(1, "")))) // written anew
	if got := s.Load().Service("n", "s"); got == before || got.Revision != 5 {
		t.Errorf("revision %d after a write, want 5", got.Revision)
	}
}

// TestRestoredSerial goes on where it was, and never back.
func TestRestoredSerial(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(touch(100)))
	apply(s, commit{Revision: 40, Regressed: true, Events: []mirror.Event{touch(40)}})
	full := s.Load().FullSerial() // 101 at 40
	again, _ := newStore(t)
	again.RestoreSerial(full, s.Load().SerialOffset(), 40)
	apply(again, commit{Cause: mirror.CauseRestore, Revision: 40, Events: []mirror.Event{touch(40)}})
	for i, step := range []struct {
		b    commit
		want uint32
	}{
		{commit{Revision: 40}, 101},
		{batch(touch(41)), 102},
		{commit{Revision: 45}, 106},
		{commit{Revision: 10, Regressed: true}, 107},
	} {
		apply(again, step.b)
		if got := again.Load().Serial(); got != step.want {
			t.Errorf("step %d: serial %d, want %d", i, got, step.want)
		}
	}
}
