package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// patience is how long a server is waited for: at first so short that the next server can
// still answer within the second that GetService has; then as long as one takes that asks
// others.
var patience = [...]time.Duration{400 * time.Millisecond, 2 * time.Second}

// client asks servers. It is safe for concurrent use.
type client struct {
	servers  *servers
	exchange exchangeFunc
	// requested, if set, is told of each exchange, and contacted whether servers are heard
	// of.
	requested func(registrar.Request)
	contacted func(bool)

	last  atomic.Pointer[string] // the server that answered last: it is asked first
	heard atomic.Bool            // of a server in the last exchange with all of them
}

// inContact reports whether a server has answered just now, whatever it said.
func (c *client) inContact() bool { return c.heard.Load() }

// contact notes whether a server has answered.
func (c *client) contact(heard bool) {
	c.heard.Store(heard)
	if c.contacted != nil {
		c.contacted(heard)
	}
}

// ask returns the answer of the first server that gives one. Servers that can't be
// reached, that fail, or don't know the zone leave it to the next; that there is nothing
// is an answer.
func (c *client) ask(ctx context.Context, name string, qtype uint16) (answer, error) {
	list := c.order()
	q := dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}
	var failed error
	heard := false
	for _, limit := range patience {
		var silent []string
		for _, server := range list {
			a, err := c.askServer(ctx, limit, server, q)
			switch {
			case err == nil:
				c.last.Store(&server)
				return a, nil
			case ctx.Err() != nil:
				return answer{}, ctx.Err()
			case isTimeout(err):
				silent = append(silent, server)
			}
			heard = heard || !isNetwork(err)
			failed = explain(failed, err)
		}
		list = silent
	}
	if !heard {
		c.contact(false)
	}
	return answer{}, fmt.Errorf("asking for %s %s: %w", name, dns.TypeToString[qtype], failed)
}

// order returns the servers in the order in which they are asked.
func (c *client) order() []string {
	list := c.servers.list()
	last := c.last.Load()
	if last == nil {
		return list
	}
	ordered := make([]string, 0, len(list))
	for _, server := range list {
		if server == *last {
			ordered = append(ordered, server)
		}
	}
	for _, server := range list {
		if server != *last {
			ordered = append(ordered, server)
		}
	}
	return ordered
}

// askServer asks one server: by UDP, and again by TCP if the answer has no room.
func (c *client) askServer(ctx context.Context, limit time.Duration, server string, q dns.Question) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, network := range []string{"udp", "tcp"} {
		a, err = c.askBy(ctx, network, server, q)
		if !errors.Is(err, errTruncated) {
			break
		}
	}
	switch {
	case err == nil:
		return a, nil
	case ctx.Err() != nil:
		return answer{}, fmt.Errorf("%s: no answer within %v: %w", server, limit, ctx.Err())
	default:
		return answer{}, fmt.Errorf("%s: %w", server, err)
	}
}

func (c *client) askBy(ctx context.Context, network, server string, q dns.Question) (answer, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.Name, q.Qtype)
	m.SetEdns0(maxUDP, false)
	start := time.Now()
	response, err := c.exchange(ctx, network, server, m)
	var a answer
	if err == nil {
		c.contact(true)
		a, err = read(q, response)
	}
	if c.requested != nil {
		c.requested(registrar.Request{Operation: registrar.OperationRead, Duration: time.Since(start), Err: err})
	}
	return a, err
}

// explain adds what another server said to the error.
func explain(failed, err error) error {
	if failed == nil {
		return err
	}
	return fmt.Errorf("%w; %w", failed, err)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// isNetwork reports whether nothing came from a server.
func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || isTimeout(err)
}
