package dns

import (
	"context"

	"github.com/miekg/dns"
)

// maxUDP is the size of an answer by UDP that gets through everywhere (DNS flag day 2020).
const maxUDP = 1232

// exchangeFunc is exchange, or what takes its place in tests.
type exchangeFunc func(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error)

// exchange sends a query to a server, by "udp" or "tcp", and returns the response with its
// ID. Each has a connection, and so a random port, of its own.
func exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: network}
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	response, _, err := client.ExchangeWithConnContext(ctx, q, conn)
	return response, err
}
