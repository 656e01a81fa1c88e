package roster

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
)

// blocks are the roster directives of one Corefile as it is loaded.
type blocks struct {
	handlers []*Roster
	configs  []*config
	siblings *siblings
	zones    *zoneTree // of the whole Corefile; nil before the first block asks
	limits   limits    // of all blocks together: each has clients that don't read
	// transfers is of all blocks together: each has secondaries.
	transfers *transfers
	fastpath  fastpath

	ctx      context.Context // until the end
	cancel   context.CancelFunc
	waits    sync.WaitGroup // of await and notifiers
	acquired []*shared      // by block
	release  sync.Once
}

const (
	// releasesAtOnce bounds what the writers of that many snapshots take, about a
	// MiB each.
	releasesAtOnce = 8
	// flushTimeout is how long the end waits for whoever reads the log.
	flushTimeout = time.Second
)

type storageKey struct{}

// reloading is what runs while a Corefile is reloaded: what OnRestart of the old
// one saw last. caddy does not tell the new instance of the old one.
var reloading struct {
	mu  sync.Mutex
	old *blocks
	new *blocks
}

func newBlocks() *blocks {
	b := &blocks{siblings: newSiblings(), limits: newLimits()}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.transfers = newTransfers(b.ctx)
	return b
}

// blocksOf returns the blocks of the Corefile that c belongs to.
func blocksOf(c *caddy.Controller) *blocks {
	if b, ok := c.Get(storageKey{}).(*blocks); ok {
		return b
	}
	b := newBlocks()
	c.Set(storageKey{}, b)
	c.OnStartup(b.start)
	c.OnRestart(b.restarting)
	c.OnRestartFailed(b.restartFailed)
	c.OnShutdown(b.stop)
	return b
}

// add adds a block, unless it is at odds with another one.
func (b *blocks) add(r *Roster, cfg *config) error {
	if err := b.siblings.add(cfg); err != nil {
		return err
	}
	r.ready, r.transfers = b.ready, b.transfers
	b.handlers = append(b.handlers, r)
	b.configs = append(b.configs, cfg)
	return nil
}

// ready reports whether all blocks have something to answer from: one that has
// nothing answers SERVFAIL, whichever block the ready plugin is in.
func (b *blocks) ready() bool {
	return !slices.ContainsFunc(b.handlers, func(r *Roster) bool { return !r.synced() })
}

// start gets every block its replica and waits for their first lists, all at the
// same time, each for as long as its block says.
func (b *blocks) start() error {
	reloading.mu.Lock()
	if reloading.old != nil {
		reloading.new = b
	}
	reloading.mu.Unlock()

	err := b.checkTransfers()
	if err == nil {
		err = b.fastpath.check()
	}
	if err == nil {
		err = b.acquire()
	}
	if err != nil {
		b.releaseAll()
		return plugin.Error(pluginName, err)
	}
	b.startNotifying()
	var started sync.WaitGroup
	for i, cfg := range b.configs {
		started.Add(1)
		b.waits.Go(func() { b.acquired[i].await(b.ctx, cfg, started.Done) })
	}
	started.Wait()
	if err := b.fastpath.open(); err != nil {
		b.releaseAll()
		return plugin.Error(pluginName, err)
	}
	return nil
}

// acquire gets every block its replica.
func (b *blocks) acquire() error {
	presentations := b.presentations()
	registries := make([]*registryConfig, len(b.configs))
	for i, cfg := range b.configs {
		registries[i] = &cfg.registry
		cfg.registry.presentation = presentations[cfg.registry.key()]
	}
	from := replicas.successions(registries)
	for i, c := range registries {
		m, err := replicas.acquire(c, from)
		if err != nil {
			return err
		}
		b.acquired = append(b.acquired, m)
		b.handlers[i].start(m)
	}
	return nil
}

// releaseAll gives up the replicas, some at a time: each that ends writes its
// snapshot.
func (b *blocks) releaseAll() {
	b.release.Do(func() {
		b.fastpath.close()
		b.cancel()
		b.waits.Wait()
		b.transfers.wait()
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		var ends sync.WaitGroup
		slots := make(chan struct{}, releasesAtOnce)
		for i, m := range b.acquired {
			b.handlers[i].stop()
			slots <- struct{}{}
			ends.Go(func() {
				replicas.release(ctx, m.config)
				<-slots
			})
		}
		ends.Wait()
		output.Flush(time.Now().Add(flushTimeout))
	})
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
// its successor holds the replicas that both have, or at the end.
func (b *blocks) stop() error {
	reloading.mu.Lock()
	var next *blocks
	if reloading.old == b {
		next = reloading.new
		reloading.old, reloading.new = nil, nil
	}
	reloading.mu.Unlock()
	b.releaseAll()
	if next != nil {
		next.present()
	}
	return nil
}
