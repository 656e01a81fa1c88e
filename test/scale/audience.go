package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
)

// audience asks many servers one question at the same time, from one socket: so it takes
// little of the processors that the servers need.
type audience struct {
	conn    *net.UDPConn
	servers []netip.AddrPort
}

func newAudience() (*audience, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	return &audience{conn: conn}, nil
}

func (a *audience) add(s *peers.Server) {
	a.servers = append(a.servers, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(s.Port)))
}

func (a *audience) close() { _ = a.conn.Close() } // it was only asked on

// await asks until all servers have given an answer that is accepted, and pauses as long
// between two questions to those that have not.
func (a *audience) await(ctx context.Context, name string, qtype uint16, pause time.Duration, accepts func(*dns.Msg) bool) error {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	query, err := m.Pack()
	if err != nil {
		return err
	}
	waiting := map[int]bool{}
	for i := range a.servers {
		waiting[i] = true
	}
	for len(waiting) > 0 {
		if ctx.Err() != nil {
			return fmt.Errorf("%d of %d servers don't answer %s as expected: %w", len(waiting), len(a.servers), name, ctx.Err())
		}
		if err := a.ask(query, waiting); err != nil {
			return err
		}
		if err := a.listen(time.Now().Add(pause), waiting, accepts); err != nil {
			return err
		}
	}
	return nil
}

// ask sends a query to those servers that are waited for. The ID is the server's number.
func (a *audience) ask(query []byte, waiting map[int]bool) error {
	for i := range waiting {
		query[0], query[1] = byte(i>>8), byte(i)
		if _, err := a.conn.WriteToUDPAddrPort(query, a.servers[i]); err != nil {
			return err
		}
	}
	return nil
}

// listen takes answers until a time, or until no server is waited for.
func (a *audience) listen(until time.Time, waiting map[int]bool, accepts func(*dns.Msg) bool) error {
	if err := a.conn.SetReadDeadline(until); err != nil {
		return err
	}
	var buf [dns.DefaultMsgSize]byte
	for len(waiting) > 0 {
		n, from, err := a.conn.ReadFromUDPAddrPort(buf[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		m := new(dns.Msg)
		if m.Unpack(buf[:n]) != nil {
			continue // asked again
		}
		if i := int(m.Id); i < len(a.servers) && a.servers[i] == from && accepts(m) {
			delete(waiting, i)
		}
	}
	return nil
}

// live accepts the status of a server that has the registry and is in contact with etcd.
func live(m *dns.Msg) bool { return hasText(m, "state=live") }

func hasText(m *dns.Msg, text string) bool {
	return slices.ContainsFunc(m.Answer, func(rr dns.RR) bool {
		txt, ok := rr.(*dns.TXT)
		return ok && slices.Contains(txt.Txt, text)
	})
}

// statusName is where a server tells of itself.
const statusName = "_status." + load.Zone

// has returns what accepts an answer with an address.
func has(address string) func(*dns.Msg) bool {
	return func(m *dns.Msg) bool {
		return slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return strings.HasSuffix(rr.String(), "\t"+address) })
	}
}
