package etcdclient

import (
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// probeClientLife is how long after it was made a probe client is given to others
// too: thousands of mirrors can share a Conn, and probe at the same time.
const probeClientLife = time.Second

// probeClients knows the probe client that was made last.
type probeClients struct {
	turn chan struct{} // holds a token of the one that makes a client
	mu   sync.Mutex
	last *probeClient
}

func newProbeClients() probeClients { return probeClients{turn: make(chan struct{}, 1)} }

// probeClient is a client for probes, with those that use it.
type probeClient struct {
	client *clientv3.Client
	made   time.Time
	users  int
	old    bool // another one has taken its place
}

// take returns the last client for one more user, if it is not too old.
func (p *probeClients) take() *probeClient {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || time.Since(p.last.made) > probeClientLife {
		return nil
	}
	p.last.users++
	return p.last
}

// put makes a client the last one, with one user.
func (p *probeClients) put(client *clientv3.Client) *probeClient {
	p.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = &probeClient{client: client, made: time.Now(), users: 1}
	return p.last
}

// release ends a use. A client without users stays open for the rest of its
// life.
func (p *probeClients) release(one *probeClient) {
	p.mu.Lock()
	one.users--
	unused, old := one.users == 0, one.old
	p.mu.Unlock()
	switch rest := probeClientLife - time.Since(one.made); {
	case unused && old:
		_ = one.client.Close() // nothing depends on its end
	case unused:
		time.AfterFunc(rest, func() { p.expire(one) })
	}
}

// expire closes a client at the end of its life, unless somebody has taken it
// meanwhile, or it is closed already.
func (p *probeClients) expire(one *probeClient) {
	p.mu.Lock()
	unused := p.last == one && one.users == 0
	p.mu.Unlock()
	if unused {
		p.close()
	}
}

// close forgets the last client, and closes it unless it is in use.
func (p *probeClients) close() {
	p.mu.Lock()
	one := p.last
	p.last = nil
	end := false
	if one != nil {
		one.old = true
		end = one.users == 0
	}
	p.mu.Unlock()
	if end {
		_ = one.client.Close() // nothing depends on its end
	}
}
