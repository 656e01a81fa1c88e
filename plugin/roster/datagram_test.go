package roster

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestLargestDatagram checks on a real socket that a client gets an answer
// whatever size it states: a datagram can't have 65,535 octets.
func TestLargestDatagram(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, many(5000))
	s := startServer(t, fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n startup_timeout 0s\n }\n}\n", endpoint))
	for _, question := range []string{manyA, manySRV} {
		for _, size := range []uint16{defaultMaxUDP - 1, defaultMaxUDP, defaultMaxUDP + 1, 4096, 65507, 65508, 65535} {
			got, n := exchangeUDP(t, s, withEDNS(query(question), size, false))
			// There is no room for one record more: of SRV, 56 octets.
			if most := min(int(size), defaultMaxUDP); !got.Truncated || n > most || n < most-100 {
				t.Errorf("%s by UDP with size %d: %d octets, TC %v", question, size, n, got.Truncated)
			}
		}
	}
	client := dns.Client{Net: "tcp", Timeout: deadline}
	got, _, err := client.Exchange(withEDNS(query(manyA), 65535, false), s.Servers()[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// 4,096 are more than a message of 65,535 octets has room for.
	if len(got.Answer) < 4000 || got.Truncated {
		t.Errorf("by TCP: %d records, TC %v", len(got.Answer), got.Truncated)
	}
}

// exchangeUDP asks the server by UDP and returns the answer and its size in
// octets.
func exchangeUDP(t *testing.T, s *server, req *dns.Msg) (*dns.Msg, int) {
	t.Helper()
	conn, err := dns.Dial("udp", s.Servers()[0].LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // nothing is written any more
	conn.UDPSize = dns.MaxMsgSize
	if err := errors.Join(conn.SetDeadline(time.Now().Add(deadline)), conn.WriteMsg(req)); err != nil {
		t.Fatal(err)
	}
	wire, err := conn.ReadMsgHeader(nil)
	if err != nil {
		t.Fatalf("%v with size %d: %v", req.Question, req.IsEdns0().UDPSize(), err)
	}
	got := new(dns.Msg)
	if err := got.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	return got, len(wire)
}
