package roster

import (
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// fastGroups are the sockets of the fast path in this process, which outlive a reload.
var fastGroups = &groups{groups: map[string]*group{}}

// fastpath is what the blocks of a Corefile have of it together: listeners whose
// packets are read in batches by sockets of their own, beside the one of CoreDNS's
// server.
type fastpath struct {
	blocks    []fastBlock
	context   caddy.Context            // of the Corefile, with all server blocks
	checked   map[string][]fastBlock   // of each listener, by address, as in dnsserver.Server.Addr
	listeners map[string]*fastListener // the same that have sockets
}

// add adds a block. CoreDNS calls decorate when a listener of it begins to serve.
func (f *fastpath) add(c *caddy.Controller, r *Roster, cfg *config) error {
	if cfg.server.UDPDecorateWriterFunc != nil {
		return cfg.errorAt("fastpath", bypassed(cfg.server, "its listeners", decorates))
	}
	f.context = c.Context()
	f.blocks = append(f.blocks, fastBlock{r, cfg})
	cfg.server.UDPDecorateWriterFunc = f.decorate
	return nil
}

// check finds the listeners. It fails where something would be bypassed that must see
// their queries.
func (f *fastpath) check() (err error) {
	if len(f.blocks) > 0 {
		f.checked, err = checkFastpath(f.context, f.blocks, f.decorate)
	}
	return err
}

// open opens the sockets of the listeners that check has found. Nothing is read from
// them yet.
func (f *fastpath) open() error {
	f.listeners = map[string]*fastListener{}
	for addr, blocks := range f.checked {
		l := &fastListener{addr: addr, blocks: blocks}
		if err := fastGroups.acquire(l); err != nil {
			return blocks[0].config.errorAt("fastpath", err)
		}
		f.listeners[addr] = l
	}
	return nil
}

// decorate is called by a server of CoreDNS that begins to serve UDP. It decorates
// nothing.
func (f *fastpath) decorate(server *dnsserver.Server) dns.DecorateWriter {
	if l := f.listeners[server.Addr]; l != nil {
		if err := l.serve(server); err != nil {
			logger.Warn("fastpath can't steer packets to its sockets: CoreDNS's server reads them", "server", server.Addr, "error", err)
		}
	}
	return nil
}

// close ends the listeners: their packets go to those of the next Corefile, or else to
// CoreDNS's server.
func (f *fastpath) close() {
	for _, l := range f.listeners {
		if err := fastGroups.release(l); err != nil {
			logger.Warn("closing the sockets of fastpath", "server", l.addr, "error", err)
		}
	}
}
