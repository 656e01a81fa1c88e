package roster

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// registryConfig is what decides which mirror a block reads: blocks that agree
// on it share one.
type registryConfig struct {
	etcd       etcdclient.Config
	prefix     string
	namespaces []string // in order, each once; none means all
	// keeping is how the mirrors are kept. Blocks that share them must agree on
	// it.
	keeping keeping
}

// poolKey identifies a mirror in the pool: a reload that changes how one is kept
// starts another.
func (c *registryConfig) poolKey() string { return fmt.Sprintf("%s\x00%+v", c.key(), c.keeping) }

// key identifies a registry: blocks where it is equal share its mirrors.
func (c *registryConfig) key() string {
	var files etcdclient.TLSFiles
	if c.etcd.Files != nil {
		files = *c.etcd.Files
	}
	return strings.Join([]string{
		strings.Join(c.etcd.Endpoints, " "), c.prefix, strings.Join(c.namespaces, " "),
		c.etcd.Username, c.etcd.Password, c.etcd.CredentialsFile,
		files.Cert, files.Key, files.CA,
	}, "\x00")
}

// nests reports whether the keys of one registry lie among those of the other.
// An etcd cluster that has a member in common with another is the same.
func (c *registryConfig) nests(other *registryConfig) bool {
	isOther := func(endpoint string) bool { return slices.Contains(other.etcd.Endpoints, endpoint) }
	return slices.ContainsFunc(c.etcd.Endpoints, isOther) && c.prefix != other.prefix &&
		(strings.HasPrefix(c.prefix, other.prefix+"/") || strings.HasPrefix(other.prefix, c.prefix+"/"))
}

// String names the registry in messages, without its credentials.
func (c *registryConfig) String() string {
	s := fmt.Sprintf("%q at %q", c.prefix, c.etcd.Endpoints)
	if len(c.namespaces) > 0 {
		s += fmt.Sprintf(", namespaces %q", c.namespaces)
	}
	return s
}

// prefixes returns what the mirrored keys start with.
func (c *registryConfig) prefixes() []string {
	if len(c.namespaces) == 0 {
		return []string{c.prefix + "/"}
	}
	var out []string
	for _, n := range c.namespaces {
		out = append(out, catalog.NamespacePrefix(c.prefix, n))
	}
	return out
}

// mirrored is a registry that is being mirrored: one mirror for each prefix,
// all into one store.
type mirrored struct {
	*services.Store
	observer observer
	mirrors  []*mirror.Mirror
	guard    *services.Guard // nil without protect
	conn     *etcdclient.Conn
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	touch    func() // has the snapshot written soon
	endKeep  func() // writes the snapshot a last time; nil without one
	users    int    // of the pool
}

var _ registry = (*mirrored)(nil)

// startMirrored starts mirroring a registry. Its SOA serial goes on from that of
// the predecessor, if there is one.
func startMirrored(c *registryConfig, predecessor *services.Generation) (*mirrored, error) {
	o := observer{
		endpoint: strings.Join(c.etcd.Endpoints, ","), prefix: c.prefix, namespaces: strings.Join(c.namespaces, ","),
	}
	logger := slog.New(clogHandler{}).With("endpoint", o.endpoint)
	// The mirrors state their prefixes themselves; a store knows only keys.
	ofStore := logger.With("prefix", o.prefix)
	if o.namespaces != "" {
		ofStore = ofStore.With("namespaces", o.namespaces)
	}
	cfg := c.etcd
	cfg.Log = logger
	conn, err := etcdclient.New(cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &mirrored{Store: services.New(ofStore, o.skipped), observer: o, conn: conn, cancel: cancel, touch: func() {}}
	var view mirror.View = m.Store
	if k := c.keeping; k.protect > 0 {
		m.guard = services.NewGuard(m.Store, k.protect, k.protectFor, ofStore, o.protecting)
		view = m.guard
		m.wg.Go(func() { m.guard.Run(ctx) })
	}
	for _, prefix := range c.prefixes() {
		m.mirrors = append(m.mirrors, mirror.New(mirror.Config{
			Source: mirror.Etcd{Clients: conn}, Root: c.prefix + "/", Prefix: prefix,
			View: view, Observer: keptObserver{o, m}, Log: logger,
		}))
	}
	m.keep(c, ofStore)
	if predecessor != nil {
		m.Continue(predecessor)
	}
	for _, one := range m.mirrors {
		m.wg.Go(func() { one.Run(ctx) })
	}
	return m, nil
}

// Status implements registry: the worst state, the oldest contact, an error if
// there is any.
func (m *mirrored) Status() mirror.Status {
	worst := m.mirrors[0].Status()
	for _, other := range m.mirrors[1:] {
		s := other.Status()
		if badness(s.State) > badness(worst.State) {
			worst.State = s.State
		}
		if s.Contact.Before(worst.Contact) {
			worst.Contact = s.Contact
		}
		if worst.Err == nil {
			worst.Err = s.Err
		}
	}
	return worst
}

// trouble returns why there is no contact; nil where there is, or no attempt has
// failed yet.
func (m *mirrored) trouble() error {
	if err := m.Status().Err; err != nil {
		return err
	}
	return m.conn.Err()
}

func badness(s mirror.State) int {
	return [...]int{mirror.Live: 0, mirror.Stale: 1, mirror.Unsynced: 2}[s]
}

// wait returns once every mirror has had its first list, or ctx is done.
func (m *mirrored) wait(ctx context.Context) {
	for _, one := range m.mirrors {
		select {
		case <-one.Synced():
		case <-ctx.Done():
		}
	}
}

func (m *mirrored) stop() {
	m.cancel()
	m.wg.Wait()
	if m.endKeep != nil {
		m.endKeep()
	}
	if err := m.conn.Close(); err != nil {
		log.Warningf("Closing the connection to etcd: %v", err)
	}
}

// pool holds the mirrors of the process. They outlive the Corefile that asked
// for them first, so that a reload that leaves a registry as it is keeps its
// contents. It is safe for concurrent use.
type pool struct {
	mu      sync.Mutex
	mirrors map[string]*mirrored
}

// mirrors are those of this process. A reload makes new handlers before it lets
// the old ones go, so that only something beyond both can hand mirrors over.
var mirrors = func() *pool {
	p := &pool{mirrors: map[string]*mirrored{}}
	//nolint:forbidigo // promauto can't register a collector of our own
	prometheus.MustRegister(collector{p})
	return p
}()

// acquire returns the mirror of a registry, which it starts unless there is one.
func (p *pool) acquire(c *registryConfig) (*mirrored, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := c.poolKey()
	m, ok := p.mirrors[key]
	if !ok {
		var err error
		if m, err = startMirrored(c, p.predecessor(c)); err != nil {
			return nil, err
		}
		p.mirrors[key] = m
	}
	m.users++
	return m, nil
}

// predecessor returns what is served of a registry that a reload has changed, so
// that its serial doesn't go back; nil if there is none.
func (p *pool) predecessor(c *registryConfig) *services.Generation {
	var last *services.Generation
	for _, m := range p.mirrors {
		if m.observer.prefix != c.prefix || m.observer.namespaces != strings.Join(c.namespaces, ",") {
			continue
		}
		if gen := m.Load(); last == nil || gen.FullSerial() > last.FullSerial() {
			last = gen
		}
	}
	return last
}

// release gives up what acquire returned; the last user stops the mirror.
func (p *pool) release(c *registryConfig) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := c.poolKey()
	m := p.mirrors[key]
	if m.users--; m.users == 0 {
		delete(p.mirrors, key)
		m.stop()
	}
}

// all returns the mirrors by the labels of their metrics; where two differ only
// in how they log in, one of them, and always the same.
func (p *pool) all() map[observer]*mirrored {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := map[observer]*mirrored{}
	for _, key := range slices.Sorted(maps.Keys(p.mirrors)) {
		m := p.mirrors[key]
		if _, twice := shown[m.observer]; !twice {
			shown[m.observer] = m
		}
	}
	return shown
}
