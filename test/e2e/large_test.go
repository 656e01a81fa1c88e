package e2e_test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// TestLargeAnswers asks for more than a datagram holds: whole records, TC by UDP
// where some are missing, and all of them by TCP.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	const instances = 400
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "", "--endpoints", e.Endpoints[0])
	for i := range instances {
		value := fmt.Sprintf(`{"addresses":["127.1.%d.%d"],"ports":[{"name":"http","port":8080}],"static":true}`, i/250, i%250+1)
		if _, err := e.Client().Put(t.Context(), fmt.Sprintf("/roster/default/orders/i%03d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(q harness.Question) *dns.Msg {
		t.Helper()
		m, err := harness.Ask(t.Context(), s.dns.Addr(t), q)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for qtype, name := range map[uint16]string{dns.TypeSRV: srvName("orders"), dns.TypeA: "orders.default." + zone} {
		harness.Eventually(t, harness.Patience, "all by TCP", func() error {
			m := ask(harness.Question{Name: name, Type: qtype, TCP: true})
			if m.Truncated {
				return fmt.Errorf("TC by TCP with %d records", len(m.Answer))
			}
			return differ("records", len(m.Answer), instances)
		})
		for _, size := range []uint16{0, 512, harness.DefaultSize, 4096} {
			m := ask(harness.Question{Name: name, Type: qtype, Size: size})
			limit := max(int(size), dns.MinMsgSize)
			if !m.Truncated || len(m.Answer) == 0 || len(m.Answer) >= instances {
				t.Errorf("%s, %d octets: TC %v with %d answers", name, size, m.Truncated, len(m.Answer))
			}
			m.Compress = true
			if got := m.Len(); got > limit {
				t.Errorf("%s: %d octets, above %d", name, got, limit)
			}
			if glue := harness.Records(m.Extra); len(glue) > 0 {
				t.Errorf("%s, %d octets: answers are missing, and yet there is glue: %q", name, size, glue)
			}
		}
	}
}
