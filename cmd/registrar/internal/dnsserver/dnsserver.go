// Package dnsserver asks a DNS server: what it answers, and what it says of itself.
package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Timeout bounds a question: a message can get lost.
const Timeout = 2 * time.Second

// Size is the size of UDP messages that a question allows (DNS flag day 2020).
const Size = 1232

// Server is a DNS server, as HOST:PORT.
type Server string

// Parse checks a HOST:PORT.
func Parse(s string) (Server, error) {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		var n uint64
		n, err = strconv.ParseUint(port, 10, 16)
		if err == nil && n == 0 {
			err = errors.New("port 0")
		}
	}
	if err != nil || host == "" {
		return "", fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:53", s)
	}
	return Server(s), nil
}

// ParseList checks several, with commas between them.
func ParseList(s string) (list []Server, err error) {
	for one := range strings.SplitSeq(s, ",") {
		server, err := Parse(one)
		if err != nil {
			return nil, err
		}
		list = append(list, server)
	}
	return list, nil
}

// Ask asks the server for records of a name, by TCP where
// UDP has no room. An error says that there was no answer.
func (s Server) Ask(ctx context.Context, name string, qtype uint16) (m *dns.Msg, err error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	q.SetEdns0(Size, false)
	for _, network := range []string{"udp", "tcp"} {
		m, err = s.exchange(ctx, network, q)
		if err != nil {
			return nil, errors.New("no answer: " + err.Error()) // that one question timed out is no error of the command's
		}
		if !m.Truncated {
			break
		}
	}
	return m, nil
}

func (s Server) exchange(ctx context.Context, network string, q *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: network, Timeout: Timeout}
	conn, err := client.DialContext(ctx, string(s))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // the client heeds ctx's deadline only
	m, _, err := client.ExchangeWithConnContext(ctx, q, conn)
	return m, err
}

// Refusal says why a message is no answer to its question, in the words of its server;
// empty if it is one. A name that doesn't exist is an answer.
func Refusal(m *dns.Msg) string {
	if m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError {
		return ""
	}
	text := dns.RcodeToString[m.Rcode]
	opt := m.IsEdns0()
	if opt == nil {
		return text
	}
	for _, o := range opt.Option {
		if ede, ok := o.(*dns.EDNS0_EDE); ok {
			text += fmt.Sprintf(" (%s: %s)", dns.ExtendedErrorCodeToString[ede.InfoCode], ede.ExtraText)
		}
	}
	return text
}

// dnsPort is the port of the servers of resolv.conf.
const dnsPort = "53"

// OfSystem returns the servers of a file such as /etc/resolv.conf, at least one.
func OfSystem(path string) ([]Server, error) {
	cfg, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, err
	}
	if len(cfg.Servers) == 0 {
		return nil, fmt.Errorf("file %q names no server", path)
	}
	list := make([]Server, len(cfg.Servers))
	for i, s := range cfg.Servers {
		list[i] = Server(net.JoinHostPort(s, dnsPort))
	}
	return list, nil
}
