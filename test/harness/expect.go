package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"
)

// Expectation is a query and what is right to answer.
type Expectation struct {
	Question
	// Want are the right answers, as Render shows them; none means any.
	Want []string
}

func (e Expectation) differs(m *dns.Msg) bool {
	return len(e.Want) > 0 && !slices.Contains(e.Want, Render(m))
}

// String shows the question.
func (q Question) String() string {
	s := dns.Fqdn(q.Name) + " " + dns.TypeToString[q.Type]
	if q.TCP {
		s += " by TCP"
	}
	return s
}

// Render shows what matters of a message from an authoritative server on one
// line: code, answer and additional records without order and TTLs, and
// whether there is the SOA of a negative answer. It leaves out the SOA's serial,
// which rises.
func Render(m *dns.Msg) string {
	var out strings.Builder
	out.WriteString(dns.RcodeToString[m.Rcode])
	if !m.Authoritative {
		out.WriteString(" not authoritative")
	}
	if m.Truncated {
		out.WriteString(" truncated")
	}
	section := func(name string, records []string) {
		if len(records) > 0 {
			fmt.Fprintf(&out, " %s %s", name, strings.Join(records, "; "))
		}
	}
	section("answer", Records(m.Answer))
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			section("SOA", []string{soa.Hdr.Name})
		}
	}
	section("additional", Records(m.Extra))
	return out.String()
}

// expectWorkers is how many questions of a comparison are under way at once.
const expectWorkers = 8

// Compare asks every question once and says how answers differ from what is
// expected, in the order of the expectations.
func Compare(ctx context.Context, addr string, expected []Expectation) []string {
	wrong := make([]string, len(expected))
	var group errgroup.Group
	group.SetLimit(expectWorkers)
	for i, e := range expected {
		group.Go(func() error {
			m, err := askWhole(ctx, addr, e.Question)
			switch {
			case err != nil:
				wrong[i] = fmt.Sprintf("%s: %v", e.Question, err)
			case e.differs(m):
				wrong[i] = fmt.Sprintf("%s: answered %s, want %q", e.Question, Render(m), e.Want)
			}
			return nil
		})
	}
	_ = group.Wait() // nothing returns an error
	return slices.DeleteFunc(wrong, func(s string) bool { return s == "" })
}

// askWhole is Ask, and again by TCP where an answer does not fit, as resolvers do.
func askWhole(ctx context.Context, addr string, q Question) (*dns.Msg, error) {
	m, err := Ask(ctx, addr, q)
	if err != nil || !m.Truncated || q.TCP {
		return m, err
	}
	q.TCP = true
	return Ask(ctx, addr, q)
}

// Matches is a condition for Eventually: all answers are as expected, of each of a server's
// addresses, and alike.
func Matches(ctx context.Context, addrs []string, expected []Expectation) error {
	for _, addr := range addrs {
		if wrong := Compare(ctx, addr, expected); len(wrong) > 0 {
			return fmt.Errorf("%d of %d answers of %s differ, the first: %s", len(wrong), len(expected), addr, wrong[0])
		}
	}
	var group errgroup.Group
	group.SetLimit(expectWorkers)
	for _, other := range addrs[1:] {
		for _, e := range expected {
			group.Go(func() error { return Alike(ctx, [2]string{addrs[0], other}, e.Question) })
		}
	}
	return group.Wait()
}
