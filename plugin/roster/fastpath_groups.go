package roster

import (
	"context"
	"errors"
	"reflect"
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
		before := 0
		if serverAt(l.addr) != nil {
			before = 1
		}
		opened, err := batchudp.Open(context.Background(), batchudp.Config{
			Address: strings.TrimPrefix(l.addr, transport.DNS+"://"),
			Sockets: runtime.GOMAXPROCS(0), Before: before, AnswerSize: dns.DefaultMsgSize,
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

// serverAt returns CoreDNS's server that has its socket at an address already, since this
// is a reload, or nil. Where it has more sockets, all but one are closed with the Corefile
// before: multisocket and fastpath exclude each other.
func serverAt(addr string) *dnsserver.Server {
	for _, inst := range caddy.Instances() {
		for _, l := range inst.Servers() {
			s, ok := fieldOf[caddy.Server](reflect.ValueOf(&l).Elem(), "server").(*dnsserver.Server)
			if ok && s.Addr == addr {
				return s
			}
		}
	}
	return nil
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
	if next == nil {
		return g.end(l.addr, h)
	}
	// Without a handover a reload has failed, and next goes on.
	if h != nil && next.await() {
		h.end()
	}
	return nil
}

// end closes the sockets, once all packets are answered that have come to them: by the
// handover that there is, or else, since a reload has failed, by the server of the Corefile
// before.
func (g *group) end(addr string, h *handover) error {
	var errs []error
	if h == nil {
		if server := serverAt(addr); server != nil {
			h = newHandover(server, g.Addr())
			errs = append(errs, g.Serve(newFastHandler(nil, server, h)))
		}
	}
	errs = append(errs, g.Stop())
	if h != nil {
		h.end()
	}
	return errors.Join(append(errs, g.Close())...)
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
