package roster

import (
	"fmt"
	"testing"
)

// TestSpelledSigned checks that the plugin dnssec, which stores signatures by the records
// as they are spelled, gets the same ones however the name in the question is spelled,
// and that the question comes back as it was.
func TestSpelledSigned(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", values{
		"default/orders/a":   `{"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":80}]}`,
		"default/orders/b":   `{"addresses":["10.0.0.2"],"ports":[{"name":"http","port":80}]}`,
		"default/alias/main": `{"host":"a.orders.default.svc.internal"}`,
	})
	r.signed = true
	for _, question := range []string{
		"orders.default.svc.internal. A",
		"_http._tcp.orders.default.svc.internal. SRV",
		"_http._tcp.orders.default.svc.internal. PTR",
		"a.orders.default.svc.internal. TXT",
		"alias.default.svc.internal. A",
	} {
		answers := map[string]bool{}
		for i := range 1000 {
			req := withEDNS(query(question), 1232, true)
			req.Question[0].Name = spelled(req.Question[0].Name, i)
			got := ask(t, r, req, false)
			if len(got.Question) != 1 || got.Question[0] != req.Question[0] {
				t.Fatalf("the question %v came back as %v", req.Question[0], got.Question)
			}
			answers[fmt.Sprint(got.Answer, got.Extra)] = true
			if len(got.Answer) == 0 {
				t.Fatalf("no answer to %v", req.Question[0])
			}
		}
		if len(answers) != 1 {
			t.Errorf("%s: %d sets of records to sign, want the same ones always", question, len(answers))
		}
	}
}

// spelled returns one of the spellings of a name: its letters are in upper case where
// the bits of i are set.
func spelled(name string, i int) string {
	octets := []byte(name)
	for at, c := range octets {
		if 'a' <= c && c <= 'z' {
			octets[at] -= byte(i&1) * ('a' - 'A')
			i >>= 1
		}
	}
	return string(octets)
}
