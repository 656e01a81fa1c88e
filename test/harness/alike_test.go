package harness_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// TestAlike shows what makes answers differ.
func TestAlike(t *testing.T) {
	t.Parallel()
	var now, soon, steady atomic.Uint32
	for name, test := range map[string]struct {
		first, second func(*dns.Msg)
		want          string // part of the error
	}{
		"the same": {first: func(*dns.Msg) {}, second: func(*dns.Msg) {}},
		"order":    {first: func(*dns.Msg) {}, second: func(m *dns.Msg) { slices.Reverse(m.Answer) }},
		"TTL":      {first: func(*dns.Msg) {}, second: func(m *dns.Msg) { m.Answer[1].Header().Ttl++ }, want: "answers"},
		"record":   {first: func(*dns.Msg) {}, second: func(m *dns.Msg) { m.Answer = m.Answer[1:] }, want: "answers"},
		"flag":     {first: func(*dns.Msg) {}, second: func(m *dns.Msg) { m.RecursionAvailable = true }, want: "answers"},
		"spelling": {first: func(*dns.Msg) {}, second: func(m *dns.Msg) { m.Question[0].Name = "I.s.n.z." }, want: "answers"},
		"cut off":  {first: func(m *dns.Msg) { m.Truncated = true }, second: func(m *dns.Msg) { m.Truncated, m.Answer = true, m.Answer[:1] }},
		"a change": {
			first:  func(m *dns.Msg) { m.Answer[0].Header().Ttl = min(now.Add(1), 2) },
			second: func(m *dns.Msg) { m.Answer[0].Header().Ttl = 2 },
		},
		"changes, and then the same": {
			first:  func(m *dns.Msg) { m.Answer[0].Header().Ttl = min(soon.Add(1), 6) },
			second: func(m *dns.Msg) { m.Answer[0].Header().Ttl = 6 },
		},
		"no end of changes": {
			first:  func(m *dns.Msg) { m.Answer[0].Header().Ttl = steady.Add(1) },
			second: func(m *dns.Msg) { m.Answer[0].Header().Ttl = 0 },
			want:   "changes all the time",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			another := func(change func(*dns.Msg)) string {
				return serve(t, func(m *dns.Msg) {
					second := dns.Copy(m.Answer[0])
					second.(*dns.A).A[3]++
					m.Answer = append(m.Answer, second)
					change(m)
				})
			}
			addrs := [2]string{another(test.first), another(test.second)}
			err := harness.Alike(t.Context(), addrs, harness.Question{Name: "i.s.n.z.", Type: dns.TypeA})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
