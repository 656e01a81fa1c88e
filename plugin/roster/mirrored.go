package roster

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// mirrored is a registry that is being mirrored: one mirror for each prefix,
// all into one store.
type mirrored struct {
	*services.Store
	config   *registryConfig
	observer observer
	mirrors  []*mirror.Mirror
	guard    *services.Guard // nil without protect
	conn     *etcdclient.Conn
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	touch    func() // has the snapshot written soon
	endKeep  func() // writes the snapshot a last time; nil without one
	// fileTaken says that another mirror writes the file of the snapshot until it
	// is stopped. In a reload both run for a while, and what the new one writes
	// would be lost to the last write of the old one; or a Corefile that is
	// discarded would leave its contents to the one that goes on.
	fileTaken atomic.Bool
	// listFirst says that wait waits for a list, though there is something to
	// answer from: the mirror that this one takes the place of is in contact, and
	// knows more.
	listFirst bool
	users     int // of the pool
}

var _ registry = (*mirrored)(nil)

// startMirrored starts mirroring a registry. It goes on from the predecessor, if
// there is one: with its contents if it is of the same registry, and in any case
// with its SOA serial. fileTaken says that another mirror writes its snapshot.
func startMirrored(c *registryConfig, predecessor *mirrored, fileTaken bool) (*mirrored, error) {
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
	m := &mirrored{
		Store: services.New(ofStore, o.skipped), config: c, observer: o, conn: conn, cancel: cancel, touch: func() {},
	}
	m.fileTaken.Store(fileTaken)
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
	if m.inherit(predecessor) {
		m.listFirst = predecessor.Status().State == mirror.Live
	} else {
		m.load()
	}
	m.keep(ofStore)
	if predecessor != nil {
		m.Continue(predecessor.Load())
		m.touch() // the disk has nothing of it
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

// wait returns once every mirror has something to answer from that is as new as
// what is answered so far, or ctx is done.
func (m *mirrored) wait(ctx context.Context) {
	for _, one := range m.mirrors {
		ready := one.Synced()
		if m.listFirst {
			ready = one.Met()
		}
		select {
		case <-ready:
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
