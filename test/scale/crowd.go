package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
)

// crowd are servers of one registry.
type crowd struct {
	*audience
	start   func() (*peers.Server, error)
	servers []*process.Process
}

func newCrowd(start func() (*peers.Server, error)) (*crowd, error) {
	a, err := newAudience()
	if err != nil {
		return nil, err
	}
	return &crowd{audience: a, start: start}, nil
}

// rosters starts servers that read the registry at an endpoint.
func (b *bench) rosters(endpoint string) func() (*peers.Server, error) {
	return func() (*peers.Server, error) {
		s, _, err := b.kit.LaunchRoster(peers.Roster{Endpoint: endpoint, Prefix: prefix})
		return s, err
	}
}

const (
	// startBound bounds the start of servers of a registry of any size.
	startBound = 5 * time.Minute
	// startPause is the time between two questions of whether a server has started.
	startPause = 10 * time.Millisecond
)

// grow starts servers, all at once, until there are so many, and waits until all have the
// registry. It returns how long that took.
func (c *crowd) grow(ctx context.Context, servers int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	start := time.Now()
	for len(c.servers) < servers {
		s, err := c.start()
		if err != nil {
			return 0, err
		}
		c.add(s)
		c.servers = append(c.servers, s.Process)
	}
	err := c.await(ctx, statusName, dns.TypeTXT, startPause, live)
	return time.Since(start), err
}

// liveNow counts the servers that say that they are live. One that doesn't answer at once
// counts as one that isn't.
func (c *crowd) liveNow(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answered := 0
	err = c.await(ctx, statusName, dns.TypeTXT, time.Second/2, func(m *dns.Msg) bool {
		answered++
		if live(m) {
			n++
		}
		return true
	})
	if errors.Is(err, context.DeadlineExceeded) && answered > 0 {
		return n, nil
	}
	return n, err
}

// stop ends all servers.
func (c *crowd) stop() {
	c.close()
	var wg sync.WaitGroup
	for _, s := range c.servers {
		wg.Go(s.Stop)
	}
	wg.Wait()
}
