package writer

import (
	"fmt"
	"strings"
	"testing"
)

// The leases and values of the table. Values are told apart by their weight.
const (
	ownLease, formerLease, otherLease = 7, 6, 66
	upValue, newValue                 = `{"addresses":["10.0.0.7"],"weight":1,"priority":0,"status":"up"}`, `{"addresses":["10.0.0.7"],"weight":2,"priority":0,"status":"up"}`
	downValue                         = `{"addresses":["10.0.0.7"],"weight":1,"priority":0,"status":"down"}`
)

// TestPlan goes through what can be desired, observed and amiss, and says in
// words what is to be done, and the state that is shown. The key was last seen to
// change at revision 5; this client's lease is 7, and was 6 before.
func TestPlan(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ desired, observed, amiss, operation, state string }{
		// The first write is unconditional, whatever is there.
		{"register", "unknown", "first", "put under 7", "pending"},
		{"register", "absent", "first", "put under 7", "pending"},
		{"register", "new of others", "first", "put under 7", "pending"},
		{"register", "new of others without lease", "first", "put under 7", "pending"},
		{"register", "up of own lease", "first", "put under 7", "pending"},
		{"register", "up of former lease", "first", "put under 7", "pending"},
		{"register", "unknown", "first, refused", "put under 7", "failed"},
		{"register", "unknown", "first, no lease", "wait for a lease", "pending"},
		{"register", "unknown", "first, no lease, refused", "wait for a lease", "failed"},
		{"register static", "unknown", "first", "put under 0", "pending"},
		{"register static", "absent", "first", "put under 0", "pending"},
		{"register static", "new of others without lease", "first", "put under 0", "pending"},
		{"register static", "new of others", "first", "put under 0", "pending"},
		{"register static", "unknown", "first, no lease", "put under 0", "pending"},
		{"register static", "unknown", "first, refused", "put under 0", "failed"},
		// What is as desired stays as it is.
		{"register", "up of own lease", "", "nothing", "registered"},
		{"register", "up of own lease", "refused", "nothing", "registered"},
		{"register static", "up own without lease", "", "nothing", "registered"},
		{"register static", "up own without lease", "no lease", "nothing", "registered"},
		{"register static", "up of others without lease", "", "nothing", "registered"},
		// Later writes are fenced by the lease.
		{"register", "absent", "", "put under 7 if absent or under 7", "pending"},
		{"register", "absent", "refused", "put under 7 if absent or under 7", "failed"},
		{"register", "absent", "no lease", "wait for a lease", "pending"},
		{"register", "new of own lease", "", "put under 7 if absent or under 7", "pending"},
		{"register", "down of own lease", "", "put under 7 if absent or under 7", "pending"},
		{"register", "broken of own lease", "", "put under 7 if absent or under 7", "pending"},
		{"register", "new of own lease", "refused", "put under 7 if absent or under 7", "failed"},
		{"register", "up of former lease", "", "put under 7 if absent or under 6", "pending"},
		{"register", "new of former lease", "", "put under 7 if absent or under 6", "pending"},
		{"register", "up of former lease", "no lease", "wait for a lease", "pending"},
		{"register", "unknown, last under 7", "", "put under 7 if absent or under 7", "pending"},
		{"register", "unknown, last under 6", "", "put under 7 if absent or under 6", "pending"},
		{"register", "unknown, last without lease", "", "put under 7 at 5", "pending"},
		{"register", "unknown, last absent", "", "put under 7 if absent or under 7", "pending"},
		// ... and by the revision, where there is none.
		{"register", "up own without lease", "", "put under 7 at 5", "pending"},
		{"register", "new own without lease", "", "put under 7 at 5", "pending"},
		{"register static", "absent", "", "put under 0 at 0", "pending"},
		{"register static", "absent", "no lease", "put under 0 at 0", "pending"},
		{"register static", "new own without lease", "", "put under 0 at 5", "pending"},
		{"register static", "new own without lease", "refused", "put under 0 at 5", "failed"},
		{"register static", "down own without lease", "", "put under 0 at 5", "pending"},
		{"register static", "up of own lease", "", "put under 0 if absent or under 7", "pending"},
		{"register static", "new of former lease", "no lease", "put under 0 if absent or under 6", "pending"},
		{"register static", "unknown, last without lease", "", "put under 0 at 5", "pending"},
		{"register static", "unknown, last under 7", "", "put under 0 if absent or under 7", "pending"},
		{"register static", "unknown, last absent", "", "put under 0 at 0", "pending"},
		// Another client's key is left alone.
		{"register", "unknown, last of others", "", "read", "superseded"},
		{"register static", "unknown, last of others", "", "read", "superseded"},
		{"remove", "unknown, last of others", "", "read", "unregistering"},
		{"register", "new of others", "", "nothing", "superseded"},
		{"register", "up of others", "", "nothing", "superseded"},
		{"register", "new of others", "no lease", "nothing", "superseded"},
		{"register", "new of others", "refused", "nothing", "superseded"},
		{"register", "up of others without lease", "", "nothing", "superseded"},
		{"register", "broken of others", "", "nothing", "superseded"},
		{"register static", "new of others without lease", "", "nothing", "superseded"},
		{"register static", "up of others", "", "nothing", "superseded"},
		// What goes says so first.
		{"remove", "unknown", "", "read", "unregistering"},
		{"remove", "unknown, last under 7", "", "read", "unregistering"},
		{"remove", "absent", "", "nothing", ""},
		{"remove", "up of own lease", "", "put down under 7 at 5", "unregistering"},
		{"remove", "up of own lease", "refused", "put down under 7 at 5", "unregistering"},
		{"remove", "up of own lease", "no lease", "put down under 7 at 5", "unregistering"},
		{"remove", "up of own lease", "no space", "delete at 5", "unregistering"},
		{"remove", "down of own lease", "", "delete at 5", "unregistering"},
		{"remove", "broken of own lease", "", "delete at 5", "unregistering"},
		{"remove", "up of former lease", "", "put down under 6 at 5", "unregistering"},
		{"remove", "up own without lease", "", "put down under 0 at 5", "unregistering"},
		{"remove", "down own without lease", "", "delete at 5", "unregistering"},
		{"remove", "new of others", "", "nothing", ""},
		{"remove", "down of others", "", "nothing", ""},
		{"remove", "up of others without lease", "", "nothing", ""},
		{"remove static", "unknown", "", "read", "unregistering"},
		{"remove static", "absent", "", "nothing", ""},
		{"remove static", "new of others without lease", "", "put down under 0 at 5", "unregistering"},
		{"remove static", "new of others", "", "nothing", ""},
		{"remove static", "up of own lease", "", "put down under 7 at 5", "unregistering"},
		{"remove any", "unknown", "", "read", "unregistering"},
		{"remove any", "absent", "", "nothing", ""},
		{"remove any", "up of others", "", "put down under 66 at 5", "unregistering"},
		{"remove any", "up of others", "no space", "delete at 5", "unregistering"},
		{"remove any", "down of others", "", "delete at 5", "unregistering"},
		{"remove any", "broken of others without lease", "", "delete at 5", "unregistering"},
		// Close leaves to the revocation what is under the lease.
		{"remove", "up of own lease", "leaving", "put down under 7 at 5", "unregistering"},
		{"remove", "down of own lease", "leaving", "nothing", "unregistering"},
		{"remove", "up of own lease", "leaving, no space", "nothing", "unregistering"},
		{"remove", "down of own lease", "leaving, no lease", "delete at 5", "unregistering"},
		{"remove", "down of former lease", "leaving", "delete at 5", "unregistering"},
		{"remove", "down own without lease", "leaving", "delete at 5", "unregistering"},
		{"remove", "unknown", "leaving", "read", "unregistering"},
		{"remove", "new of others", "leaving", "nothing", ""},
		// Without a desire only stragglers go.
		{"none", "unknown", "", "nothing", ""},
		{"none", "absent", "", "nothing", ""},
		{"none", "up of others", "", "nothing", ""},
		{"none", "up of others without lease", "", "nothing", ""},
		{"none", "up of own lease", "", "put down under 7 at 5", "unregistering"},
		{"none", "up of former lease", "", "put down under 6 at 5", "unregistering"},
		{"none", "down of own lease", "", "delete at 5", "unregistering"},
		{"none", "up own without lease", "", "put down under 0 at 5", "unregistering"},
		{"none", "up of own lease", "no space", "delete at 5", "unregistering"},
	} {
		op, state := plan(situationOf(t, row.desired, row.observed, row.amiss))
		if got := inWords(op); got != row.operation || string(state) != row.state {
			t.Errorf("%s; %s; %s:\n\tgot  %s, %q\n\twant %s, %q", row.desired, row.observed, row.amiss, got, state, row.operation, row.state)
		}
	}
}

func situationOf(t *testing.T, want, seen, amiss string) situation {
	t.Helper()
	s := situation{acked: true, lease: ownLease}
	s.desired = desired{
		intent: map[string]intent{
			"none": intentNone, "register": intentRegister, "register static": intentRegister,
			"remove": intentRemove, "remove static": intentRemoveStatic, "remove any": intentRemoveAny,
		}[want],
		static: want == "register static",
	}
	if s.desired.intent == intentRegister {
		s.desired.value = []byte(upValue)
	}
	s.observed = observedOf(t, seen)
	for flag := range strings.SplitSeq(amiss, ", ") {
		switch flag {
		case "":
		case "first":
			s.acked = false
		case "no lease":
			s.lease = 0
		case "refused":
			s.refused = true
		case "no space":
			s.noSpace = true
		case "leaving":
			s.leaving = true
		default:
			t.Fatalf("unknown flag %q", flag)
		}
	}
	return s
}

func observedOf(t *testing.T, seen string) observed {
	t.Helper()
	last := map[string]observed{
		"unknown": {}, "absent": {presence: absent},
		"unknown, last under 7": {lease: ownLease, revision: 5, ours: true}, "unknown, last under 6": {lease: formerLease, revision: 5, ours: true},
		"unknown, last without lease": {revision: 5, ours: true}, "unknown, last absent": {}, "unknown, last of others": {lease: otherLease, revision: 5},
	}
	if o, ok := last[seen]; ok {
		return o
	}
	value, whose, _ := strings.Cut(seen, " ")
	o := observed{presence: present, revision: 5}
	o.value = []byte(map[string]string{"up": upValue, "new": newValue, "down": downValue, "broken": "{"}[value])
	switch whose {
	case "of own lease":
		o.lease, o.ours = ownLease, true
	case "of former lease":
		o.lease, o.ours = formerLease, true
	case "of others":
		o.lease = otherLease
	case "own without lease":
		o.ours = true
	case "of others without lease":
	default:
		t.Fatalf("unknown observation %q", seen)
	}
	return o
}

// inWords writes an operation down.
func inWords(op operation) string {
	var text string
	switch op.action {
	case actNone:
		return "nothing"
	case actLease:
		return "wait for a lease"
	case actRead:
		return "read"
	case actPut:
		text = fmt.Sprintf("put under %d", op.lease)
		if string(op.value) != upValue {
			text = fmt.Sprintf("put %s under %d", op.value, op.lease)
		}
	case actMarkDown:
		text = fmt.Sprintf("put down under %d", op.lease)
		if !strings.Contains(string(op.value), `"status":"down"`) {
			text = fmt.Sprintf("put %s under %d", op.value, op.lease)
		}
	case actDelete:
		text = "delete"
	}
	switch op.fence {
	case ifLease:
		return fmt.Sprintf("%s if absent or under %d", text, op.held)
	case ifRevision:
		return fmt.Sprintf("%s at %d", text, op.revision)
	default:
		return text
	}
}
