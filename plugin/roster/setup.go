package roster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	coreupstream "github.com/coredns/coredns/plugin/pkg/upstream"

	"github.com/rosterdns/roster/internal/mirror"
)

func init() { plugin.Register(pluginName, setup) }

func setup(c *caddy.Controller) error {
	cfg, err := parse(c)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	b := blocksOf(c)
	if cfg.others, err = corefileZones(b); err != nil {
		return plugin.Error(pluginName, err)
	}
	own, err := ownAddresses(dnsserver.GetConfig(c).ListenHosts)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	r, err := newHandler(cfg, own)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	if err := b.add(r, cfg); err != nil {
		return plugin.Error(pluginName, err)
	}
	dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler {
		r.Next = next
		return r
	})
	return nil
}

// newHandler returns the handler of a block; own are the server's addresses. It
// answers once it is started.
func newHandler(cfg *config, own []netip.Addr) (*Roster, error) {
	r := &Roster{
		origins: cfg.origins, zones: map[string]*zone{}, fall: cfg.fall, ttls: cfg.ttls, stale: cfg.stale, nets: newNetFilter(cfg.nets),
		upstream: coreupstream.New(), tcp: newTCPLimits(),
	}
	for _, o := range cfg.origins {
		z, err := newZone(o, cfg.ttls.standard, cfg.nameServers, own, slices.Concat(cfg.origins, cfg.others))
		if err != nil {
			return nil, err
		}
		r.zones[o] = z
	}
	return r, nil
}

// blocks are the roster directives of one Corefile as it is loaded.
type blocks struct {
	handlers []*Roster
	configs  []*config

	mu       sync.Mutex
	acquired []*registryConfig // held in the pool
}

type storageKey struct{}

// reloading is what runs while a Corefile is reloaded: what OnRestart of the old
// one saw last. caddy does not tell the new instance of the old one.
var reloading struct {
	mu  sync.Mutex
	old *blocks
	new *blocks
}

// blocksOf returns the blocks of the Corefile that c belongs to.
func blocksOf(c *caddy.Controller) *blocks {
	if b, ok := c.Get(storageKey{}).(*blocks); ok {
		return b
	}
	b := &blocks{}
	c.Set(storageKey{}, b)
	c.OnStartup(b.start)
	c.OnRestart(b.restarting)
	c.OnRestartFailed(b.restartFailed)
	c.OnShutdown(b.stop)
	return b
}

// add adds a block, unless its registry lies within that of another block or the
// other way round: one would read the other's keys; or unless they are at odds
// over what they keep.
func (b *blocks) add(r *Roster, cfg *config) error {
	for _, other := range b.configs {
		if cfg.registry.nests(&other.registry) {
			return cfg.errorAt("prefix", fmt.Errorf("%q nests with %q of %s in the same etcd: give each registry a prefix of its own",
				cfg.registry.prefix, other.registry.prefix, other.at("prefix")))
		}
		if err := cfg.checkBeside(other); err != nil {
			return err
		}
	}
	b.handlers = append(b.handlers, r)
	b.configs = append(b.configs, cfg)
	return nil
}

// start gets every block its mirror and waits for their first lists, all at the
// same time, each for as long as its block says.
func (b *blocks) start() error {
	reloading.mu.Lock()
	if reloading.old != nil {
		reloading.new = b
	}
	reloading.mu.Unlock()

	found, all := make([]*mirrored, len(b.configs)), make([]*registryConfig, len(b.configs))
	for i, cfg := range b.configs {
		all[i] = &cfg.registry
	}
	for i, cfg := range b.configs {
		m, err := mirrors.acquire(&cfg.registry, all...)
		if err != nil {
			b.releaseAll()
			return plugin.Error(pluginName, err)
		}
		b.mu.Lock()
		b.acquired = append(b.acquired, &cfg.registry)
		b.mu.Unlock()
		b.handlers[i].start(m)
		found[i] = m
	}
	var wg sync.WaitGroup
	for i, cfg := range b.configs {
		wg.Go(func() { awaitFirstList(found[i], cfg) })
	}
	wg.Wait()
	return nil
}

func awaitFirstList(m *mirrored, cfg *config) {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.startupTimeout)
	defer cancel()
	start := time.Now()
	m.wait(ctx)
	if m.Status().State == mirror.Unsynced {
		why := ""
		if err := m.trouble(); err != nil {
			why = fmt.Sprintf("; the last failure: %q", err)
		}
		log.Warningf("No list of %s within %s: answering SERVFAIL until there is one%s", &cfg.registry, cfg.startupTimeout, why)
		return
	}
	if s := m.Status(); s.State == mirror.Stale { // a snapshot, of which the log has told
		if age := ageOf(s); cfg.stale > 0 && age > cfg.stale {
			log.Warningf("The last contact with etcd was %s ago, longer than stale %s: answering SERVFAIL until etcd is in contact",
				age.Round(time.Second), cfg.stale)
		}
		return
	}
	gen := m.Load()
	log.Infof("Mirroring %s: %d instances of %d services at revision %d, after %s",
		&cfg.registry, gen.Instances(), gen.Services(), gen.Revision(), time.Since(start).Round(time.Millisecond))
}

func (b *blocks) releaseAll() {
	b.mu.Lock()
	acquired := b.acquired
	b.acquired = nil
	b.mu.Unlock()
	for _, c := range acquired {
		mirrors.release(c)
	}
}

// restarting notes that a reload has begun.
func (b *blocks) restarting() error {
	reloading.mu.Lock()
	defer reloading.mu.Unlock()
	reloading.old, reloading.new = b, nil
	return nil
}

// restartFailed gives up what a Corefile took that could not be loaded whole.
// caddy discards it without a word to its plugins.
func (b *blocks) restartFailed() error {
	reloading.mu.Lock()
	failed := reloading.new
	reloading.old, reloading.new = nil, nil
	reloading.mu.Unlock()
	if failed != nil {
		failed.releaseAll()
	}
	return nil
}

// stop is called when the Corefile is done with: after a reload, by which time
// its successor holds the mirrors that both have, or at the end.
func (b *blocks) stop() error {
	reloading.mu.Lock()
	if reloading.old == b {
		reloading.old, reloading.new = nil, nil
	}
	reloading.mu.Unlock()
	b.releaseAll()
	return nil
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
		return nil, errors.Join(errors.New("finding the server's own addresses: use ns NAME IP"), err)
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
