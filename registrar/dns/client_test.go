package dns

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// two adds a second server, which has the records, to a network whose first one fails.
func two(t *testing.T, broken *server) *network {
	t.Helper()
	n := newNetwork(t, orders...)
	n.servers["10.0.0.54:53"] = n.servers["10.0.0.53:53"]
	if broken.records == nil {
		broken.records = n.servers["10.0.0.53:53"].records
	}
	n.servers["10.0.0.53:53"] = broken
	return n
}

var bothServers = registrar.WithEndpoints("10.0.0.53", "10.0.0.54:53")

// TestNextServer has servers that leave a question to the next one, and answers that
// don't. The second server has the service.
func TestNextServer(t *testing.T) {
	t.Parallel()
	change := func(f func(network string, m *dns.Msg) error) *server { return &server{change: f} }
	for name, tt := range map[string]struct {
		first *server
		found bool
	}{
		"silent":      {&server{wait: silence}, true},
		"unreachable": {change(func(string, *dns.Msg) error { return errors.New("connection refused") }), true},
		"failing":     {change(func(_ string, m *dns.Msg) error { m.Rcode = dns.RcodeServerFailure; return nil }), true},
		"refusing":    {change(func(_ string, m *dns.Msg) error { m.Rcode = dns.RcodeRefused; return nil }), true},
		"lame":        {change(func(_ string, m *dns.Msg) error { m.Authoritative, m.Answer, m.Extra = false, nil, nil; return nil }), true},
		"mistaken":    {change(func(_ string, m *dns.Msg) error { m.Question[0].Name = "others."; return nil }), true},
		"no TCP": {change(func(network string, m *dns.Msg) error {
			if network == "tcp" {
				return errors.New("connection refused")
			}
			m.Truncated = true
			return nil
		}), true},
		"truncated by TCP": {change(func(_ string, m *dns.Msg) error { m.Truncated = true; return nil }), true},
		"no such name":     {&server{records: parse(t, "others.default A 10.0.0.1")}, false},
		"no such records":  {&server{records: parse(t, "orders.default A 10.0.0.1")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := two(t, tt.first)
				c := open(t, n, bothServers)
				start := time.Now()
				s, err := c.GetService(t.Context(), "orders")
				if want := []error{registrar.ErrNotFound, nil}[b2i(tt.found)]; !errors.Is(err, want) {
					t.Fatalf("got %v, %v, want %v", s, err, want)
				}
				if took := time.Since(start); took > patience[0] {
					t.Errorf("took %v: each question waited for the first server", took)
				}
			})
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestTruncated: an answer that has no room in UDP is asked for by TCP.
func TestTruncated(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, orders...)
	n.edit(func(s *server) {
		s.change = func(network string, m *dns.Msg) error {
			if network == "udp" && len(m.Answer) > 1 {
				m.Answer, m.Extra, m.Truncated = m.Answer[:1], nil, true
			}
			return nil
		}
	})
	s, err := open(t, n).GetService(t.Context(), "orders")
	if got := shownAll(s); len(got) != 2 {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestAddressesWithoutRoom: where there is room for records but not for all addresses, one
// question by TCP has them. Without TCP they are asked for one by one.
func TestAddressesWithoutRoom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tcp    error
		singly int // questions for the address of b
	}{
		"TCP":    {nil, 0},
		"no TCP": {errors.New("connection refused"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, orders...)
			n.edit(func(s *server) {
				s.change = func(network string, m *dns.Msg) error {
					if network == "tcp" {
						return tt.tcp
					}
					m.Extra = m.Extra[:min(len(m.Extra), 1)]
					return nil
				}
			})
			s, err := open(t, n).GetService(t.Context(), "orders")
			if got := shownAll(s); len(got) != 2 || n.count("b.orders.default.svc.internal. A") != tt.singly {
				t.Errorf("got %q, %v, asked %q", got, err, n.questions())
			}
		})
	}
}

// TestSlowServer: a server that takes longer than the first attempt is asked again, with
// more patience.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "orders.default SRV 0 100 8080 a.orders.default", "a.orders.default A 10.0.0.1")
		n.edit(func(s *server) {
			s.wait = func(ctx context.Context, _ dns.Question) error {
				select {
				case <-time.After(time.Second):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
		c := open(t, n)
		if _, err := c.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		time.Sleep(5 * time.Second)
		if s, err := c.GetService(t.Context(), "orders"); err != nil || s.Stale {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}

// TestErrorsSayWhy: each server, and what it said.
func TestErrorsSayWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := two(t, &server{wait: silence})
		n.servers["10.0.0.54:53"].change = func(_ string, m *dns.Msg) error {
			m.Rcode = dns.RcodeServerFailure
			extended(m, dns.ExtendedErrorCodeNotReady, "no list from etcd yet")
			return nil
		}
		c := open(t, n, bothServers)
		_, _ = c.GetService(t.Context(), "orders")
		time.Sleep(5 * time.Second)
		_, err := c.GetService(t.Context(), "orders")
		for _, says := range []string{`"orders"`, "orders.default.svc.internal. SRV", "10.0.0.53:53: no answer", "10.0.0.54:53: SERVFAIL: Not Ready", "no list from etcd yet"} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("the message is %v, want one with %q", err, says)
			}
		}
	})
}

// TestOrderOfServers: the one that answered last is first.
func TestOrderOfServers(t *testing.T) {
	t.Parallel()
	c := &client{servers: &servers{listed: []string{"a", "b", "c"}}}
	for last, want := range map[string][]string{"a": {"a", "b", "c"}, "c": {"c", "a", "b"}, "gone": {"a", "b", "c"}} {
		c.last.Store(&last)
		if got := c.order(); !slices.Equal(got, want) {
			t.Errorf("after an answer of %s: %q, want %q", last, got, want)
		}
	}
}
