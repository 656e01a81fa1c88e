package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// patience is how long a server is waited for: at first so short that the next server can
// still answer within the second that GetService has; then as long as one takes that asks
// others.
var patience = [...]time.Duration{400 * time.Millisecond, 2 * time.Second}

// errSilent says that nothing came from a server.
var errSilent = errors.New("no answer")

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
	q := dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}
	list, heard := c.order(), false
	var failures error
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
			case errors.Is(err, errSilent):
				silent = append(silent, server)
			}
			heard = heard || !errors.Is(err, errSilent) || errors.Is(err, errTruncated)
			failures = also(failures, err)
		}
		list = silent
	}
	if !heard {
		c.contact(false)
	}
	return answer{}, fmt.Errorf("asking for %s %s: %w", name, dns.TypeToString[qtype], failures)
}

// order returns the servers in the order in which they are asked.
func (c *client) order() []string {
	list := slices.Clone(c.servers.list())
	if last := c.last.Load(); last != nil {
		if i := slices.Index(list, *last); i > 0 {
			list = slices.Insert(slices.Delete(list, i, i+1), 0, *last)
		}
	}
	return list
}

// askServer asks one server: by UDP, and again by TCP if the answer has no room, or the
// addresses with it.
func (c *client) askServer(ctx context.Context, limit time.Duration, server string, q dns.Question) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a, err := c.askBy(ctx, "udp", server, q)
	if truncated := errors.Is(err, errTruncated); truncated || a.lacksAddresses() {
		whole, failed := c.askBy(ctx, "tcp", server, q)
		switch {
		case failed == nil:
			a, err = whole, nil
		case truncated:
			err = fmt.Errorf("%w, and by TCP: %w", errTruncated, failed)
		}
	}
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", server, err)
	}
	return a, nil
}

func (c *client) askBy(ctx context.Context, network, server string, q dns.Question) (a answer, err error) {
	m := new(dns.Msg)
	m.SetQuestion(q.Name, q.Qtype)
	m.SetEdns0(maxUDP, false)
	start := time.Now()
	response, err := c.exchange(ctx, network, server, m)
	if err == nil {
		c.contact(true)
		a, err = read(q, response)
	} else {
		err = fmt.Errorf("%w: %w", errSilent, err)
	}
	if c.requested != nil {
		c.requested(registrar.Request{Operation: registrar.OperationRead, Duration: time.Since(start), Err: err})
	}
	return a, err
}

// also adds what another server said to an error.
func also(failures, err error) error {
	if failures == nil {
		return err
	}
	return fmt.Errorf("%w; %w", failures, err)
}
