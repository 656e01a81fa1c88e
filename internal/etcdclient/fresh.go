package etcdclient

import (
	"context"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// freshFor is how long after it was made a client of Fresh is given to others
// too: thousands of mirrors can share a Conn, and doubt it at the same time.
const freshFor = time.Second

// spare is the client that Fresh has made last.
type spare struct {
	turn chan struct{} // holds a token of the one that makes a client
	mu   sync.Mutex
	last *shared
}

func newSpare() spare { return spare{turn: make(chan struct{}, 1)} }

// shared is a client of Fresh, with those that use it.
type shared struct {
	client *clientv3.Client
	made   time.Time
	users  int
	old    bool // another one has taken its place
}

// Fresh returns a client with connections that are not those of Client, and not
// older than a second, which logs in where there are credentials; and what gives
// it back. It blocks and fails as Client does.
func (c *Conn) Fresh(ctx context.Context) (*clientv3.Client, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(ErrClosed) })()
	s := &c.spare
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if c.life.Err() != nil {
		return nil, nil, ErrClosed
	}
	if one := s.take(); one != nil {
		return one.client, func() { s.giveBack(one) }, nil
	}
	user, password, err := c.cfg.credentials()
	if err != nil {
		return nil, nil, err
	}
	client, err := c.dial(ctx, user, password)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to etcd: %w", err)
	}
	one := s.put(client)
	if c.life.Err() != nil {
		s.close() // which Close may have done before
	}
	return client, func() { s.giveBack(one) }, nil
}

// take returns the last client for one more user, if it is fresh.
func (s *spare) take() *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || time.Since(s.last.made) > freshFor {
		return nil
	}
	s.last.users++
	return s.last
}

// put makes a client the last one, with one user.
func (s *spare) put(client *clientv3.Client) *shared {
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = &shared{client: client, made: time.Now(), users: 1}
	return s.last
}

// giveBack ends a use. A client without users stays open for as long as it is
// fresh.
func (s *spare) giveBack(one *shared) {
	s.mu.Lock()
	one.users--
	unused, old := one.users == 0, one.old
	s.mu.Unlock()
	switch rest := freshFor - time.Since(one.made); {
	case unused && old:
		_ = one.client.Close() // nothing depends on its end
	case unused:
		time.AfterFunc(rest, func() { s.expire(one) })
	}
}

// expire closes a client that is no more fresh, unless somebody has taken it
// meanwhile, or it is closed already.
func (s *spare) expire(one *shared) {
	s.mu.Lock()
	unused := s.last == one && one.users == 0
	s.mu.Unlock()
	if unused {
		s.close()
	}
}

// close forgets the last client, and closes it unless it is in use.
func (s *spare) close() {
	s.mu.Lock()
	one := s.last
	s.last = nil
	end := false
	if one != nil {
		one.old = true
		end = one.users == 0
	}
	s.mu.Unlock()
	if end {
		_ = one.client.Close() // nothing depends on its end
	}
}
