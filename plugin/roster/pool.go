package roster

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/logqueue"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/internal/services"
)

// closeTimeout is how long the end waits for the disk to take the last snapshots:
// far longer than a disk takes that works, and shorter than what service managers
// give a process.
const closeTimeout = 10 * time.Second

// shared is a replica and how many read it.
type shared struct {
	*replica.Replica
	config   *registryConfig
	observer observer
	log      *slog.Logger                // says which registry it is, but for the prefix
	close    func(context.Context) error // Replica.Close
	users    int                         // under the pool's mutex
}

var _ replicaReader = (*shared)(nil)

// IndexAddresses implements replicaReader.
func (s *shared) IndexAddresses() { s.Store().IndexAddresses() }

// Since implements replicaReader.
func (s *shared) Since(serial uint32) services.History { return s.Store().Since(serial) }

// Filter implements replicaReader.
func (s *shared) Filter(f services.Filter) *services.Filtered { return s.Store().Filter(f) }

// Subscribe implements replicaReader.
func (s *shared) Subscribe() *services.Subscription { return s.Store().Subscribe() }

func newShared(c *registryConfig, log *slog.Logger) *shared {
	o := observer{
		endpoint: strings.Join(c.etcd.Endpoints, ","), prefix: c.prefix, namespaces: strings.Join(c.namespaces, ","),
	}
	log = slog.New(logqueue.Limit(log.Handler())).With("endpoint", o.endpoint)
	if o.namespaces != "" {
		log = log.With("namespaces", o.namespaces)
	}
	return &shared{config: c, observer: o, log: log}
}

// released reports whether a replica writes its snapshot no more.
func (s *shared) released() bool {
	select {
	case <-s.Released():
		return true
	default:
		return false
	}
}

// pool holds the replicas of the process. They outlive the Corefile that asked
// for them first, so that a reload that leaves a registry as it is keeps its
// contents. It is safe for concurrent use.
type pool struct {
	log *slog.Logger // never blocks

	mu       sync.Mutex // never held while a disk or a network is waited for
	replicas map[string]*shared
	// writers are those that write a snapshot, or have yet to end that, by the file.
	writers map[string][]*shared
	// snapshots counts the replicas with a snapshot by the labels of their metrics.
	snapshots map[observer]int
}

func newPool(log *slog.Logger) *pool {
	return &pool{log: log, replicas: map[string]*shared{}, writers: map[string][]*shared{}, snapshots: map[observer]int{}}
}

// successions are the replicas in whose place those of a new Corefile come.
type successions struct {
	same map[string]*shared // of the same registry, by its key
	last map[string]*shared // of the same prefix, the one that is furthest of those that end
}

// successions returns what a Corefile with these registries can go on from. What
// goes on with another endpoint is another history.
func (p *pool) successions(of []*registryConfig) successions {
	goesOn := make(map[string]bool, len(of))
	for _, c := range of {
		goesOn[c.poolKey()] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := successions{map[string]*shared{}, map[string]*shared{}}
	for key, m := range p.replicas {
		s.same[m.config.key()] = m
		if last := s.last[m.config.prefix]; !goesOn[key] && (last == nil || m.Load().FullSerial() > last.Load().FullSerial()) {
			s.last[m.config.prefix] = m
		}
	}
	return s
}

// acquire returns the replica of a registry, which it opens unless there is one.
func (p *pool) acquire(c *registryConfig, from successions) (*shared, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := c.poolKey()
	m, ok := p.replicas[key]
	if !ok {
		var err error
		if m, err = p.open(c, from); err != nil {
			return nil, err
		}
		p.replicas[key] = m
	}
	m.users++
	return m, nil
}

// open opens a replica: with the contents of the one that is of the same registry,
// if only its retention has changed, and in any case with the serial that was
// shown. The caller holds the mutex.
func (p *pool) open(c *registryConfig, from successions) (*shared, error) {
	m := newShared(c, p.log)
	cfg := c.replica()
	cfg.Log, cfg.Observer = m.log, m.observer
	predecessor := from.same[c.key()]
	cfg.SameRegistry = predecessor != nil
	if predecessor == nil {
		predecessor = from.last[c.prefix]
	}
	if predecessor != nil {
		cfg.Predecessor = predecessor.Replica
	}
	file := c.retention.file
	if file != "" {
		p.writers[file] = slices.DeleteFunc(p.writers[file], (*shared).released)
		for _, other := range p.writers[file] {
			cfg.SnapshotHolders = append(cfg.SnapshotHolders, other.Replica)
		}
	}
	var err error
	if m.Replica, err = replica.Open(cfg); err != nil {
		return nil, err
	}
	m.close = m.Replica.Close
	if file != "" {
		p.writers[file] = append(p.writers[file], m)
		p.snapshots[m.observer]++
	}
	return m, nil
}

// release gives up what acquire returned. The last user closes the replica, whose
// last snapshot it waits for until ctx is done.
func (p *pool) release(ctx context.Context, c *registryConfig) {
	p.mu.Lock()
	key := c.poolKey()
	m := p.replicas[key]
	if m.users--; m.users > 0 {
		p.mu.Unlock()
		return
	}
	delete(p.replicas, key)
	p.mu.Unlock()
	if err := m.close(ctx); err != nil {
		m.log.Warn("closing the connection to etcd failed", "prefix", c.prefix, "error", err)
	}
	p.forget(m)
}

// forget takes a replica that was closed out of account. That can be before it has
// released its file: the next one that writes it waits for that.
func (p *pool) forget(m *shared) {
	p.mu.Lock()
	defer p.mu.Unlock()
	file := m.config.retention.file
	if file == "" {
		return
	}
	p.writers[file] = slices.DeleteFunc(p.writers[file], (*shared).released)
	if len(p.writers[file]) == 0 {
		delete(p.writers, file)
	}
	if p.snapshots[m.observer]--; p.snapshots[m.observer] == 0 {
		delete(p.snapshots, m.observer)
		m.observer.snapshotEnded()
	}
}

// all returns the replicas by the labels of their metrics; where two differ only in
// how they log in, one of them, and always the same.
func (p *pool) all() map[observer]*shared {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := map[observer]*shared{}
	for _, key := range slices.Sorted(maps.Keys(p.replicas)) {
		m := p.replicas[key]
		if _, twice := shown[m.observer]; !twice {
			shown[m.observer] = m
		}
	}
	return shown
}
