package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// leastFast is how many questions of the tables the fast path answers at least: those by
// UDP for addresses, targets and endpoints of services.
const leastFast = 50

// TestFastpathAnswers asks two servers of one registry all questions by UDP, one with
// fastpath: they give the same octets, but for the order of records, and for which
// records there are where that is left to chance.
func TestFastpathAnswers(t *testing.T) {
	t.Parallel()
	endpoint := registry(t)
	plain, fast := serve(t, endpoint, ""), serve(t, endpoint, "fastpath")
	for _, c := range readTable(t) {
		if !slices.Contains(c.query.networks, "udp") {
			continue
		}
		sent := c.query.message()
		want, got := exchange(t, "udp", plain.Addr(t), sent), exchange(t, "udp", fast.Addr(t), sent)
		if !c.same(got, want) {
			t.Errorf("%s: %q\nwith fastpath, %d octets:\n%v\nwithout, %d octets:\n%v", c.file, c.query.text, len(got.wire), got, len(want.wire), want)
		}
	}
	metrics := harness.ScrapeMetrics(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", fast.Port(t, "metrics")))
	answered := metrics.Sum("coredns_roster_fastpath_packets_total", "result", "answered")
	handed := metrics.Sum("coredns_roster_fastpath_packets_total", "result", "handed_over")
	t.Logf("%v answers on the fast path, %v questions handed over", answered, handed)
	if answered < leastFast || handed < leastFast {
		t.Errorf("want at least %d of each", leastFast)
	}
}

// same reports whether two answers to the query of a case are the same.
func (c *testCase) same(a, b answer) bool {
	const header = 12
	chance := false
	for _, name := range sectionNames {
		if want := c.want.sections[name]; want != nil && (want.counts || want.among != nil) {
			chance = true
			continue
		}
		if !slices.Equal(canonicalSection(a.Msg, name), canonicalSection(b.Msg, name)) {
			return false
		}
	}
	if !slices.Equal(optionsOf(a.Msg), optionsOf(b.Msg)) {
		return false
	}
	if chance || c.query.msg.Question[0].Qtype == dns.TypeTXT { // of _status, which has a time
		return a.MsgHdr == b.MsgHdr
	}
	return len(a.wire) == len(b.wire) && bytes.Equal(a.wire[:header], b.wire[:header])
}

func canonicalSection(m *dns.Msg, name string) []string {
	var records []string
	for _, rr := range sectionOf(m, name) {
		records = append(records, canonical(rr))
	}
	slices.Sort(records)
	return records
}
