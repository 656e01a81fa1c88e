package rolling_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// srvTransport is an http.RoundTripper that finds servers by SRV lookups: it uses an
// answer for as long as its TTL says, in whole seconds, and no longer.
type srvTransport struct {
	server string // of DNS
	name   string // of the SRV records
	base   *http.Transport
	// another says that a server that can't be connected to is left for another one
	// (RFC 2782), in place of a failure.
	another bool

	mu      sync.Mutex
	targets []target
	expires time.Time
	lookups int
}

// target is one of a name's SRV records, with its address.
type target struct {
	addr   string
	weight int
}

// RoundTrip implements http.RoundTripper.
func (s *srvTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	targets, err := s.find(req.Context())
	if err != nil {
		return nil, err
	}
	for {
		i := pick(targets)
		out := req.Clone(req.Context())
		out.URL.Host = targets[i].addr
		if req.GetBody != nil {
			if out.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		resp, err := s.base.RoundTrip(out)
		if !s.another || len(targets) == 1 || !errors.Is(err, syscall.ECONNREFUSED) {
			return resp, err
		}
		targets = append(append([]target{}, targets[:i]...), targets[i+1:]...)
	}
}

// pick picks a target by weight.
func pick(targets []target) int {
	total := 0
	for _, t := range targets {
		total += t.weight
	}
	n := rand.IntN(total)
	for i, t := range targets {
		if n -= t.weight; n < 0 {
			return i
		}
	}
	return len(targets) - 1
}

// find returns the targets, after a lookup if the last answer is too old.
func (s *srvTransport) find(ctx context.Context) ([]target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.expires) {
		return s.targets, nil
	}
	asked := time.Now()
	m, err := harness.Ask(ctx, s.server, harness.Question{Name: s.name, Type: dns.TypeSRV, Size: harness.DefaultSize})
	if err != nil {
		return nil, err
	}
	targets, ttl, err := srvTargets(m)
	if err != nil {
		return nil, err
	}
	s.lookups++
	s.targets, s.expires = targets, asked.Add(ttl)
	return targets, nil
}

// srvTargets reads an answer, which has the addresses, too.
func srvTargets(m *dns.Msg) (targets []target, ttl time.Duration, err error) {
	addresses := map[string]string{}
	for _, rr := range m.Extra {
		if a, ok := rr.(*dns.A); ok {
			addresses[a.Hdr.Name] = a.A.String()
		}
	}
	for _, rr := range m.Answer {
		srv, ok := rr.(*dns.SRV)
		if !ok {
			continue
		}
		address, ok := addresses[srv.Target]
		if !ok {
			return nil, 0, fmt.Errorf("no address of %q in the answer: %s", srv.Target, harness.Render(m))
		}
		targets = append(targets, target{net.JoinHostPort(address, strconv.Itoa(int(srv.Port))), int(srv.Weight)})
		ttl = time.Duration(srv.Hdr.Ttl) * time.Second
	}
	if len(targets) == 0 {
		return nil, 0, fmt.Errorf("no servers: %s", harness.Render(m))
	}
	return targets, ttl, nil
}
