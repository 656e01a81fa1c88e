package roster

import (
	"fmt"
	"testing"

	"github.com/coredns/coredns/plugin/cache"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

var _ cache.ZoneBypasser = (*Roster)(nil)

// TestBehindCache checks with the stock cache in front that no client gets less
// than without, or for longer: an answer that was cut for one would be stored for
// all, and a TTL below five seconds be five.
func TestBehindCache(t *testing.T) {
	endpoint := closedPort(t)
	vs := many(9)
	vs["default/quick/a"] = `{"addresses":["10.0.0.1"],"ttl":1}`
	m := plant(t, endpoint, vs)
	s := startServer(t, fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n cache\n roster {\n endpoint %s\n }\n}\n", endpoint))
	if zones := s.blocks().handlers[0].CacheBypassZones(); len(zones) != 1 || zones[0] != "svc.internal." {
		t.Errorf("zones %q", zones)
	}
	glue := func(m *dns.Msg) (n int) {
		for _, rr := range m.Extra {
			if rr.Header().Rrtype == dns.TypeA {
				n++
			}
		}
		return n
	}
	// The smallest comes first, and is what would be stored.
	plain := s.ask(t, manySRV)
	large, _ := exchangeUDP(t, s, withEDNS(query(manySRV), 1232, false))
	client := dns.Client{Net: "tcp", Timeout: deadline}
	all, _, err := client.Exchange(query(manySRV), s.Servers()[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Answer) == 0 || glue(plain) >= 9 || glue(large) != 9 || glue(all) != 9 {
		t.Errorf("%d addresses in 512 octets, %d in 1232, %d by TCP: want all 9 in the last two", glue(plain), glue(large), glue(all))
	}
	for range 3 {
		if got := s.ask(t, "quick.default.svc.internal. A"); len(got.Answer) != 1 || got.Answer[0].Header().Ttl != 1 {
			t.Errorf("want a TTL of 1: %v", got)
		}
		if got := s.ask(t, "_status.svc.internal. TXT"); len(got.Answer) != 5 || got.Answer[0].Header().Ttl != 0 {
			t.Errorf("want a TTL of 0: %v", got)
		}
	}
	if got := s.ask(t, "new.default.svc.internal. A"); got.Rcode != dns.RcodeNameError {
		t.Fatal(got)
	}
	// What was denied is answered as soon as it is registered.
	apply(m.Store(), fixtureRevision+1, mirror.Event{
		Key: "default/new/a", Value: []byte(`{"addresses":["10.0.0.2"]}`), ModRevision: fixtureRevision + 1, Lease: 1,
	})
	if got := s.ask(t, "new.default.svc.internal. A"); len(got.Answer) != 1 {
		t.Errorf("a new service: %v", got)
	}
}
