package harness

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// alikeTries is how often two servers are asked until no more than one thing changes
// meanwhile. A change every few milliseconds leaves time for three questions.
const alikeTries = 20

// Alike asks two servers of the same data a question by UDP, and says how their answers
// differ, octet by octet but for the order of records. The first one is asked again after
// the other: if its answers differ and neither is the other's, all are asked anew.
func Alike(ctx context.Context, addrs [2]string, q Question) error {
	packet, err := q.message().Pack()
	if err != nil {
		return err
	}
	for range alikeTries {
		var got [3]received
		for i, addr := range []string{addrs[0], addrs[1], addrs[0]} {
			if got[i], err = askOctets(ctx, addr, packet); err != nil {
				return fmt.Errorf("%s at %s: %w", q, addr, err)
			}
		}
		switch {
		case got[1].like(got[0]) || got[1].like(got[2]):
			return nil
		case got[0].like(got[2]):
			return fmt.Errorf("%s: %s answers %d octets, %v\n%s answers %d octets, %v", q,
				addrs[0], len(got[0].octets), got[0].Msg, addrs[1], len(got[1].octets), got[1].Msg)
		}
	}
	return fmt.Errorf("%s: the answer of %s changes all the time", q, addrs[0])
}

// received is an answer as it came.
type received struct {
	*dns.Msg
	octets []byte
}

func askOctets(ctx context.Context, addr string, packet []byte) (received, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", addr)
	if err != nil {
		return received{}, err
	}
	defer conn.Close()
	octets := make([]byte, dns.MaxMsgSize)
	err = conn.SetDeadline(time.Now().Add(queryTimeout))
	if err == nil {
		_, err = conn.Write(packet)
	}
	if err != nil {
		return received{}, err
	}
	n, err := conn.Read(octets)
	if err != nil {
		return received{}, err
	}
	m := new(dns.Msg)
	return received{m, octets[:n]}, m.Unpack(octets[:n])
}

// like reports whether two answers are the same but for the order of records. Which
// records there are in one that is cut off is left to chance.
func (r received) like(other received) bool {
	const header = 12
	if r.Truncated && other.Truncated {
		return r.MsgHdr == other.MsgHdr && slices.Equal(r.Question, other.Question)
	}
	return bytes.Equal(r.octets[:header], other.octets[:header]) && len(r.octets) == len(other.octets) && slices.Equal(r.parts(), other.parts())
}

// parts are the question and the records, sorted within their sections.
func (r received) parts() []string {
	var all []string
	for _, q := range r.Question {
		all = append(all, q.String())
	}
	for _, section := range [][]dns.RR{r.Answer, r.Ns, r.Extra} {
		var records []string
		for _, rr := range section {
			records = append(records, rr.String())
		}
		slices.Sort(records)
		all = append(all, records...)
	}
	return all
}
