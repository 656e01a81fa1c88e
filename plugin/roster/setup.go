package roster

import (
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	coreupstream "github.com/coredns/coredns/plugin/pkg/upstream"
)

func init() { plugin.Register(pluginName, setup) }

func setup(c *caddy.Controller) error {
	cfg, err := parse(c)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	cfg.server = dnsserver.GetConfig(c)
	b := blocksOf(c)
	if cfg.inner, err = b.innerZones(cfg.origins); err != nil {
		return plugin.Error(pluginName, err)
	}
	own, err := ownAddresses(cfg.server.ListenHosts)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	r, err := newHandler(cfg, own, b.limits)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	if err := b.add(r, cfg); err != nil {
		return plugin.Error(pluginName, err)
	}
	if cfg.fastpath {
		if err := b.fastpath.add(c, r, cfg); err != nil {
			return plugin.Error(pluginName, err)
		}
	}
	c.OnStartup(func() error {
		r.signed = cfg.server.Handler("dnssec") != nil
		return nil
	})
	cfg.server.AddPlugin(func(next plugin.Handler) plugin.Handler {
		r.Next = next
		return r
	})
	return nil
}

// newHandler returns the handler of a block; own are the server's addresses, and
// shared is what all blocks have in common. It answers once it is started.
func newHandler(cfg *config, own []netip.Addr, shared limits) (*Roster, error) {
	r := &Roster{
		origins: cfg.origins, zones: map[string]*zone{}, fall: cfg.fall, stale: cfg.stale,
		nets:      cfg.nets,
		settings:  settings{cfg.ttls, cfg.maxAnswers, cfg.clients},
		responder: responder{upstream: coreupstream.New(), limits: shared, maxUDP: cfg.maxUDP},
	}
	others := slices.Concat(cfg.origins, cfg.inner)
	var forward *zone
	for _, o := range cfg.origins {
		if isReverse(o) {
			continue
		}
		z, err := newZone(o, cfg.ttls.standard, cfg.nameServers, own, others)
		if err != nil {
			return nil, err
		}
		r.zones[o] = z
		if forward == nil {
			forward = z
		}
	}
	for _, o := range cfg.origins {
		if isReverse(o) {
			r.zones[o] = newReverseZone(o, forward, others)
		}
	}
	return r, nil
}

// ownAddresses returns the addresses at which the server answers: those that it
// listens on, or, where it listens on all, those of its interfaces, without
// loopback where there are others.
func ownAddresses(listen []string) ([]netip.Addr, error) {
	var own []netip.Addr
	for _, host := range listen {
		a, err := netip.ParseAddr(host)
		if err != nil || a.IsUnspecified() {
			return interfaceAddresses()
		}
		own = append(own, a.Unmap().WithZone(""))
	}
	return own, nil
}

func interfaceAddresses() ([]netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, errors.Join(errors.New("can't find the server's own addresses: state them with ns NAME IP"), err)
	}
	var global, loopback []netip.Addr
	for _, addr := range addrs {
		p, err := netip.ParsePrefix(addr.String())
		switch a := p.Addr().Unmap(); {
		case err != nil || a.IsLinkLocalUnicast():
		case a.IsLoopback():
			loopback = append(loopback, a)
		default:
			global = append(global, a)
		}
	}
	if len(global) == 0 {
		return loopback, nil
	}
	return global, nil
}
