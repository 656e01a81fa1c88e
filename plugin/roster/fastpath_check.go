package roster

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/bufsize"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"
)

// bypassable are the plugins that a query need not pass through before it is answered
// on the fast path: none of them changes, sees or refuses such a query or its answer.
var bypassable = map[string]bool{
	"any":        true, // answers questions for ANY, which are handed over
	"bufsize":    true, // is roster's own bound too: see checkHandler
	"cache":      true, // passes the zones of roster through
	"cancel":     true, // ends queries that take long
	"chaos":      true, // answers questions of class CH, which are handed over
	"errors":     true, // logs failures
	"metadata":   true, // is for plugins that are not on this list
	"prometheus": true, // the fast path counts as it does
	"transfer":   true, // answers questions for AXFR and IXFR, which are handed over
}

// fastBlock is a server block with fastpath.
type fastBlock struct {
	handler *Roster
	config  *config
}

// listenersOf returns the server blocks that each plain DNS listener has, by its
// address as CoreDNS names it in dnsserver.Server.Addr. CoreDNS tells a plugin of its own
// block alone, so that the field of the context is read that has them all.
func listenersOf(ctx caddy.Context) (map[string][]*dnsserver.Config, error) {
	all := fieldOf[[]*dnsserver.Config](reflect.ValueOf(ctx).Elem(), "configs")
	if len(all) == 0 {
		return nil, errors.New("this version of CoreDNS doesn't show its server blocks: remove fastpath")
	}
	listeners := map[string][]*dnsserver.Config{}
	for _, c := range all {
		if c.Transport != transport.DNS {
			continue
		}
		for _, host := range c.ListenHosts {
			a, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, c.Port))
			if err != nil {
				return nil, err
			}
			addr := transport.DNS + "://" + a.String()
			listeners[addr] = append(listeners[addr], c)
		}
	}
	return listeners, nil
}

// checkFastpath returns the blocks with fastpath, of which there are some, of each listener
// that has one. decorate is what they have set. It fails where something would be
// bypassed that must see their queries.
func checkFastpath(ctx caddy.Context, blocks []fastBlock, decorate func(*dnsserver.Server) dns.DecorateWriter) (map[string][]fastBlock, error) {
	listeners, err := listenersOf(ctx)
	if err != nil {
		return nil, blocks[0].config.errorAt("fastpath", err)
	}
	checked := map[string][]fastBlock{}
	for _, b := range blocks {
		found := false
		for _, addr := range slices.Sorted(maps.Keys(listeners)) {
			configs := listeners[addr]
			own := ownConfigs(configs, b.handler)
			if len(own) == 0 {
				continue
			}
			err := checkListener(addr, configs, decorate)
			if err == nil {
				err = b.check(addr, configs, own)
			}
			if err != nil {
				return nil, b.config.errorAt("fastpath", err)
			}
			found, checked[addr] = true, append(checked[addr], b)
		}
		if !found {
			return nil, b.config.errorAt("fastpath", errors.New("the server block has no listener for plain DNS: remove it"))
		}
	}
	return checked, nil
}

// ownConfigs returns those of the server blocks that a handler is in: one for each zone
// of its block.
func ownConfigs(configs []*dnsserver.Config, r *Roster) []*dnsserver.Config {
	return slices.DeleteFunc(slices.Clone(configs), func(c *dnsserver.Config) bool { return c.Handler(pluginName) != plugin.Handler(r) })
}

// Why a listener can't have a fast path.
const (
	decorates   = "another plugin, such as shed, decorates the writer of answers"
	proxies     = "proxyproto has to read each packet"
	views       = "a view has to choose the server block for each query"
	multiplies  = "multisocket opens more sockets, which fastpath does for itself"
	portMissing = "%s has no port of its own: state one"
)

// checkListener checks the server blocks of a listener, whatever their zones.
func checkListener(addr string, configs []*dnsserver.Config, decorate func(*dnsserver.Server) dns.DecorateWriter) error {
	if strings.HasSuffix(addr, ":0") {
		return fmt.Errorf(portMissing, addr)
	}
	for _, c := range configs {
		switch f := reflect.ValueOf(c.UDPDecorateWriterFunc); {
		case c.ProxyProtoConnPolicy != nil:
			return bypassed(c, addr, proxies)
		case !f.IsNil() && f.Pointer() != reflect.ValueOf(decorate).Pointer():
			return bypassed(c, addr, decorates)
		case c.ViewName != "" || len(c.FilterFuncs) > 0:
			return bypassed(c, addr, views)
		case c.NumSockets > 1:
			return bypassed(c, addr, multiplies)
		}
	}
	return nil
}

// bypassed is the error of something that the fast path would bypass.
func bypassed(c *dnsserver.Config, addr, why string) error {
	return fmt.Errorf("in the server block of %q on %s %s: remove one of the two", c.Zone, addr, why)
}

// check checks that the questions for the zones of a block get to it on a listener, and
// that the plugins before it need not see them.
func (b *fastBlock) check(addr string, configs, own []*dnsserver.Config) error {
	for _, origin := range b.handler.origins {
		var at *dnsserver.Config
		for _, c := range configs {
			if dns.IsSubDomain(c.Zone, origin) && (at == nil || dns.CountLabel(c.Zone) > dns.CountLabel(at.Zone)) {
				at = c
			}
		}
		switch {
		case at == nil:
			return fmt.Errorf("no server block on %s is asked for all of the zone %q", addr, origin)
		case !slices.Contains(own, at):
			return fmt.Errorf("on %s the server block of %q is asked for the zone %q, not this one", addr, at.Zone, origin)
		}
	}
	for _, c := range own {
		if err := b.checkChain(c); err != nil {
			return err
		}
	}
	return nil
}

// checkChain checks the plugins through which a query gets to roster. CoreDNS has the
// first of a server block in a field that is not exported, and each has the next one in
// Next.
func (b *fastBlock) checkChain(c *dnsserver.Config) error {
	h := fieldOf[plugin.Handler](reflect.ValueOf(c).Elem(), "pluginChain")
	for h != nil && h != plugin.Handler(b.handler) {
		if err := b.checkHandler(h); err != nil {
			return err
		}
		next := reflect.Indirect(reflect.ValueOf(h)).FieldByName("Next")
		h, _ = reflect.TypeAssert[plugin.Handler](next)
	}
	if h == nil {
		return errors.New("this version of CoreDNS doesn't show the plugins of a server block: remove fastpath")
	}
	return nil
}

func (b *fastBlock) checkHandler(h plugin.Handler) error {
	if !bypassable[h.Name()] {
		return fmt.Errorf("the plugin %s comes before %s in the server block and would not see the queries that are answered: remove one of the two",
			h.Name(), pluginName)
	}
	size, ok := h.(bufsize.Bufsize)
	if ok && size.Size < b.config.maxUDP {
		return fmt.Errorf("bufsize allows answers of %d octets, and max_udp of %d: state max_udp %[1]d", size.Size, b.config.maxUDP)
	}
	return nil
}
