package harness

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// queryTimeout bounds one attempt: on loopback an answer takes microseconds, and a
// fifth of a second on a machine that is busy. What a server that was killed has
// not read is lost, so that to wait on would only hold up the test.
var queryTimeout = Slack(3 * time.Second)

// Question is a DNS query.
type Question struct {
	Name string
	Type uint16
	// TCP asks by TCP, else by UDP.
	TCP bool
	// Size is the UDP payload size offered by EDNS; 0 sends no EDNS.
	Size uint16
}

// DefaultSize is what resolvers offer since the DNS flag day of 2020.
const DefaultSize = 1232

// Ask sends a query once and returns the answer.
func Ask(ctx context.Context, addr string, q Question) (*dns.Msg, error) {
	c := dns.Client{Timeout: queryTimeout}
	if q.TCP {
		c.Net = "tcp"
	}
	answer, _, err := c.ExchangeContext(ctx, q.message(), addr)
	return answer, err
}

// message is the query, with an ID of its own.
func (q Question) message() *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.Name), q.Type)
	if q.Size > 0 {
		m.SetEdns0(q.Size, false)
	}
	return m
}

// MustAsk is Ask by UDP with EDNS. No answer ends the test.
func MustAsk(t testing.TB, addr, name string, qtype uint16) *dns.Msg {
	t.Helper()
	answer, err := Ask(t.Context(), addr, Question{Name: name, Type: qtype, Size: DefaultSize})
	if err != nil {
		t.Fatalf("asking %s for %s %s: %v", addr, name, dns.TypeToString[qtype], err)
	}
	return answer
}

// Records returns the records of a section in the form of a zone file, with
// single spaces, without TTLs, sorted; OPT is left out.
func Records(section []dns.RR) []string {
	var records []string
	for _, rr := range section {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		rr = dns.Copy(rr)
		rr.Header().Ttl = 0
		fields := strings.Fields(rr.String())
		records = append(records, strings.Join(slices.Delete(fields, 1, 2), " "))
	}
	slices.Sort(records)
	return records
}
