package roster

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

func TestStatusName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		state  mirror.State
		silent time.Duration // since the last contact; negative: never
		values values
		want   string
		serial string
	}{
		{mirror.Unsynced, -1, nil, "state=unsynced revision=42 age=0 serial=42 instances=0", ""},
		{mirror.Live, 1500 * time.Millisecond, shop, "state=live revision=42 age=1 serial=42 instances=22", ""},
		{mirror.Stale, 3 * time.Hour, shop, "state=stale revision=42 age=10800 serial=42 instances=22", ""},
	} {
		t.Run(tt.state.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var contact time.Time
				if tt.silent >= 0 {
					contact = time.Now()
					time.Sleep(tt.silent) // the bubble's clock
				}
				r := servingRegistry(t, "roster svc.internal 10.0.0.0/8", &fakeReplica{storeOf(t, tt.values), func() mirror.Status {
					return mirror.Status{State: tt.state, Contact: contact}
				}})
				for _, c := range []dnsCase{
					{question: "_status.svc.internal. TXT", answer: statusOf("_status.svc.internal.", tt.want)},
					{question: "_Status.svc.internal. TXT", answer: statusOf("_Status.svc.internal.", tt.want)},
					{question: "_status.svc.internal. ANY", answer: []string{`_status.svc.internal. 0 IN HINFO "RFC8482" ""`}},
					{question: "_status.svc.internal. A"},
					{question: "_status.10.in-addr.arpa. TXT", answer: statusOf("_status.10.in-addr.arpa.", tt.want)},
				} {
					c.run(t, r)
				}
				if ready := tt.state != mirror.Unsynced; r.Ready() != ready {
					t.Errorf("ready %v, want %v", r.Ready(), ready)
				}
			})
		})
	}
}

// statusOf returns the records that show a status, one for each of its words.
func statusOf(owner, words string) (records []string) {
	for word := range strings.FieldsSeq(words) {
		records = append(records, fmt.Sprintf("%s 0 IN TXT %q", owner, word))
	}
	return records
}

// TestAgeOf: no age is negative.
func TestAgeOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for contact, want := range map[time.Time]time.Duration{
			{}: 0, time.Now().Add(time.Hour): 0, time.Now(): 0, time.Now().Add(-time.Hour): time.Hour,
		} {
			if got := ageOf(mirror.Status{Contact: contact}); got != want {
				t.Errorf("%s after %s, want %s", got, contact, want)
			}
		}
	})
}

// TestSerialBeforeFirstList checks that the SOA of what is denied before there
// is a revision still has no serial 0, and that the status shows the same one.
func TestSerialBeforeFirstList(t *testing.T) {
	t.Parallel()
	store := emptyStore()
	r := servingRegistry(t, "roster", inState(store, mirror.Unsynced))
	got := ask(t, r, query("_status.svc.internal. A"), false)
	if len(got.Ns) != 1 || got.Ns[0].(*dns.SOA).Serial == 0 {
		t.Errorf("want a SOA with a serial: %v", got)
	}
	serial := fmt.Sprintf(`"serial=%d"`, got.Ns[0].(*dns.SOA).Serial)
	txt := ask(t, r, query("_status.svc.internal. TXT"), false)
	if s := fmt.Sprint(txt.Answer); !strings.Contains(s, `"revision=0"`) || !strings.Contains(s, serial) {
		t.Errorf("%s: want revision 0, and %s as in the SOA", s, serial)
	}
}

// TestStaleAnswers checks that a stale mirror answers as a live one. CoreDNS's plugin etcd
// answers SERVFAIL after five seconds.
func TestStaleAnswers(t *testing.T) {
	t.Parallel()
	r := servingRegistry(t, "roster", inState(storeOf(t, shop), mirror.Stale))
	runAll(t, r, []dnsCase{
		{question: "orders.default.svc.internal. AAAA", answer: []string{"orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}},
		{question: "nope.default.svc.internal. A", rcode: dns.RcodeNameError},
	})
}
