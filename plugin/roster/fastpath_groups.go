package roster

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

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

	mu       sync.Mutex
	handover *handover // of the listener that serves; nil before the first does
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

	switch h := l.stop(); {
	case next == nil:
		return g.end(l.addr)
	case h != nil: // or else a reload has failed, and next goes on
		h.wait()
	}
	return nil
}

// end closes the sockets, which no listener has any more, once all packets that have come to
// them are answered. Where no listener has served, since a reload has failed, the server of
// the Corefile before answers them.
func (g *group) end(addr string) error {
	g.mu.Lock()
	h := g.handover
	g.mu.Unlock()
	var errs []error
	if h == nil {
		if server := serverAt(addr); server != nil {
			h = newHandover(server, g.Addr())
			errs = append(errs, g.Serve(newFastHandler(nil, server, h)))
		}
	}
	errs = append(errs, g.Stop())
	if h != nil {
		h.close()
		h.wait()
	}
	return errors.Join(append(errs, g.Close())...)
}

// fastListener is a listener of a Corefile with fastpath.
type fastListener struct {
	addr   string
	blocks []fastBlock
	group  *group

	// Under the group's mutex:
	stopped  bool
	handover *handover // nil unless it has served
}

// serve has the listener answer the packets of its sockets, and CoreDNS's server those
// that it can't, in place of the listener before, unless this one was stopped before.
func (l *fastListener) serve(server *dnsserver.Server) error {
	g := l.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.stopped {
		return nil
	}
	before := g.handover
	l.handover = newHandover(server, g.Addr())
	g.handover = l.handover
	err := g.Serve(newFastHandler(l.blocks, server, l.handover))
	if before != nil {
		before.close()
	}
	return err
}

// stop has the listener not begin to serve any more. It returns the handover, if it does
// already, which takes packets until another listener of the group serves, or the group ends.
func (l *fastListener) stop() *handover {
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	l.stopped = true
	return l.handover
}
