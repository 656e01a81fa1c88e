package roster

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/batchudp"
)

// groups are the sockets of the fast path, by the address of their listener. They
// outlive a reload, so that no packet in them is lost: the listener of the new
// Corefile takes them over.
type groups struct {
	mu     sync.Mutex
	groups map[string]*group
}

// group is the sockets of a listener.
type group struct {
	*batchudp.Group
	users []*fastListener // those of Corefiles, the newest last
}

// acquire gets a listener its sockets.
func (p *groups) acquire(l *fastListener) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[l.addr]
	if g == nil {
		addr := strings.TrimPrefix(l.addr, transport.DNS+"://")
		opened, err := batchudp.Open(context.Background(), batchudp.Config{
			Address: addr, Sockets: runtime.GOMAXPROCS(0), Before: socketsAt(addr), AnswerSize: dns.DefaultMsgSize,
		})
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return errors.New("it works on Linux only: remove it")
		case err != nil:
			return err
		}
		g = &group{Group: opened}
		p.groups[l.addr] = g
	}
	l.group = g
	g.users = append(g.users, l)
	return nil
}

// socketsAt returns 1 if CoreDNS's server has its socket at an address already, since
// this is a reload, and 0 if not. Where it has more, all but one are closed with
// the Corefile before: multisocket and fastpath exclude each other.
func socketsAt(addr string) int {
	want, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return 0 // and there can be none
	}
	all := func(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }
	for _, inst := range caddy.Instances() {
		for _, s := range inst.Servers() {
			a, ok := s.LocalAddr().(*net.UDPAddr)
			if ok && a.Port == want.Port && (a.IP.Equal(want.IP) || all(a.IP) && all(want.IP)) {
				return 1
			}
		}
	}
	return 0
}

// release takes the sockets from a listener, once all packets are answered that it
// was given: they are closed, or the listener of the next Corefile serves them.
func (p *groups) release(l *fastListener) error {
	p.mu.Lock()
	g := l.group
	g.users = slices.DeleteFunc(g.users, func(u *fastListener) bool { return u == l })
	var next *fastListener
	if n := len(g.users); n > 0 {
		next = g.users[n-1]
	} else {
		delete(p.groups, l.addr)
	}
	p.mu.Unlock()

	h := l.stop()
	var err error
	if next == nil {
		err = g.Close()
	}
	// Without a handover a reload has failed, and next goes on.
	if h != nil && (next == nil || next.await()) {
		h.end()
	}
	return err
}

// fastListener is a listener of a Corefile with fastpath.
type fastListener struct {
	addr    string
	blocks  []fastBlock
	group   *group
	serving chan struct{} // closed once it serves

	mu       sync.Mutex
	stopped  bool
	handover *handover // while it serves
}

// serve has the listener answer the packets of its sockets, and CoreDNS's server those
// that it can't, unless the listener was stopped before.
func (l *fastListener) serve(server *dnsserver.Server) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil
	}
	l.handover = newHandover(server, l.group.Addr())
	err := l.group.Serve(newFastHandler(l.blocks, server, l.handover))
	close(l.serving)
	return err
}

// await waits until the listener serves, which it does as soon as CoreDNS's server does.
// It reports false where that takes too long.
func (l *fastListener) await() bool {
	timeout := time.NewTimer(handoverTimeout)
	defer timeout.Stop()
	select {
	case <-l.serving:
		return true
	case <-timeout.C:
		return false
	}
}

// stop returns the handover, if there is one, which goes on until it is ended.
func (l *fastListener) stop() *handover {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	return l.handover
}
