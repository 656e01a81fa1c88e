package harness_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// TestTraffic shows that each kind of wrong answer is counted, as what it is.
func TestTraffic(t *testing.T) {
	t.Parallel()
	instances := []harness.Instance{{
		Namespace: "n", Service: "s", ID: "i", Addresses: []string{"10.0.0.1"},
		Ports: []harness.InstancePort{{Name: "http", Port: 80}},
	}}
	var expected []harness.Expectation
	for _, e := range harness.Answers("z.", instances) {
		if e.Name == "i.s.n.z." && e.Type == dns.TypeA {
			expected = append(expected, e)
		}
	}
	if len(expected) != 1 {
		t.Fatalf("expected are %v", expected)
	}
	for name, test := range map[string]struct {
		answer                      func(*dns.Msg)
		failed, changed, unanswered bool
	}{
		"right":    {answer: func(*dns.Msg) {}},
		"another":  {answer: func(m *dns.Msg) { m.Answer[0].(*dns.A).A = net.IPv4(10, 0, 0, 2) }, changed: true},
		"none":     {answer: func(m *dns.Msg) { m.Answer = nil }, changed: true},
		"denied":   {answer: func(m *dns.Msg) { m.Answer, m.Rcode = nil, dns.RcodeNameError }, changed: true},
		"failure":  {answer: func(m *dns.Msg) { m.Answer, m.Rcode = nil, dns.RcodeServerFailure }, failed: true},
		"refusal":  {answer: func(m *dns.Msg) { m.Answer, m.Rcode = nil, dns.RcodeRefused }, failed: true},
		"not ours": {answer: func(m *dns.Msg) { m.Authoritative = false }, changed: true},
		"mangled":  {answer: func(m *dns.Msg) { m.Rcode = -1 }, unanswered: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			addr := serve(t, func(m *dns.Msg) { asked.Add(1); test.answer(m) })
			tr := harness.StartTraffic(t, []string{addr}, expected)
			harness.Eventually(t, harness.Patience, "queries", func() error { return harness.True(asked.Load() > 20) })
			r := tr.Stop()
			t.Log(r)
			all := func(yes bool) int {
				if yes {
					return r.Queries
				}
				return 0
			}
			if r.Failed != all(test.failed) || r.Changed != all(test.changed) || r.Unanswered != all(test.unanswered) {
				t.Errorf("%d failed, %d changed, %d unanswered of %d; the first: %s", r.Failed, r.Changed, r.Unanswered, r.Queries, strings.Join(r.Faults, "\n"))
			}
		})
	}
}

// serve answers all questions with one address, changed by change.
func serve(t *testing.T, change func(*dns.Msg)) (addr string) {
	t.Helper()
	addr = harness.FreeAddr(t)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = true
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5},
			A:   net.IPv4(10, 0, 0, 1),
		}}
		change(m)
		if err := w.WriteMsg(m); err != nil {
			_, _ = w.Write([]byte("?")) // as what can't be packed can't be read
		}
	})
	for _, network := range []string{"udp", "tcp"} {
		started, ended := make(chan struct{}), make(chan struct{})
		server := &dns.Server{Addr: addr, Net: network, Handler: handler, NotifyStartedFunc: func() { close(started) }}
		go func() {
			defer close(ended)
			_ = server.ListenAndServe() // returns at Shutdown
		}()
		select {
		case <-started:
		case <-ended:
			t.Fatalf("can't serve at %s by %s", addr, network)
		}
		t.Cleanup(func() { _ = server.Shutdown(); <-ended })
	}
	return addr
}
