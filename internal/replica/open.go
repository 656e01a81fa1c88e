package replica

import (
	"context"
	"log/slog"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/internal/snapshot"
)

// Open starts a replica and returns at once: the snapshot is read, and etcd
// contacted, in the background. An error is of the configuration, never of an etcd
// or a disk.
func Open(cfg Config) (*Replica, error) {
	cfg.setDefaults()
	source, conn, err := cfg.source()
	if err != nil {
		return nil, err
	}
	log := cfg.Log.With("prefix", cfg.Prefix)
	r := &Replica{cfg: cfg, log: log, source: source, conn: conn}
	r.cfg.Predecessor, r.cfg.SnapshotHolders = nil, nil // else each keeps all before it in memory
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.registry = cfg.registry(log)
	r.disk = cfg.saved(log, r.registry)
	r.registry.mirror = mirror.New(mirror.Config{
		Source: source, Root: r.registry.root, Observer: observer{cfg.Observer, r.disk}, Log: log,
	})
	for _, rng := range cfg.Ranges {
		r.ranges = append(r.ranges, r.Follow(rng))
	}
	r.start(cfg.Predecessor, cfg.SnapshotHolders)
	return r, nil
}

// start starts what runs until Close.
func (r *Replica) start(predecessor *Replica, holders []*Replica) {
	inherited := predecessor != nil && r.cfg.SameRegistry && r.inherit(predecessor)
	if predecessor != nil {
		r.Store().Continue(predecessor.Load())
		r.disk.touch() // the disk has nothing of it
	}
	if r.cfg.Snapshot != "" {
		r.wg.Go(func() { r.disk.touchOnChange(r.ctx) })
		var disks []*saved
		for _, h := range holders {
			disks = append(disks, h.disk)
		}
		go r.disk.use(r.ctx, !inherited, disks)
	}
	r.wg.Go(func() { r.Guard().Run(r.ctx) })
	r.wg.Go(r.run)
}

// registry returns a registry that has no mirror yet.
func (cfg *Config) registry(log *slog.Logger) *registry {
	store := services.New(log, cfg.Observer.Skipped)
	store.SetRanges(cfg.Ranges)
	return &registry{
		settings: settings{cfg.Prefix + "/", cfg.Ranges, cfg.Snapshot, cfg.SnapshotMaxAge},
		store:    store, stored: map[*mirror.Range]int{}, presentation: cfg.Presentation,
		guard: services.NewGuard(store, services.GuardConfig{
			Protect: cfg.Protect, ProtectFor: cfg.ProtectFor, KeepLast: cfg.KeepLast,
			OnMass: cfg.Observer.MassExpired, OnLastSet: cfg.Observer.LastSetServed, Log: log,
		}),
	}
}

// saved returns the snapshot of a registry.
func (cfg *Config) saved(log *slog.Logger, g *registry) *saved {
	s := &saved{registry: g, log: log, disk: cfg.disk, loaded: make(chan struct{}), released: make(chan struct{})}
	if cfg.Snapshot == "" {
		close(s.loaded)
		close(s.released)
		return s
	}
	s.writer = snapshot.NewWriter(snapshot.WriterConfig{
		Path: cfg.Snapshot, Take: g.take, Log: log, Written: cfg.Observer.SnapshotWritten,
	})
	return s
}

func (cfg *Config) setDefaults() {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observer == nil {
		cfg.Observer = Unobserved{}
	}
	if cfg.SnapshotMaxAge == 0 {
		cfg.SnapshotMaxAge = DefaultSnapshotMaxAge
	}
	if cfg.SnapshotWait == 0 {
		cfg.SnapshotWait = DefaultSnapshotWait
	}
	if cfg.disk.open == nil {
		cfg.disk = realDisk
	}
}

// source returns what the mirror reads. The connection is nil where it is the
// caller's.
func (cfg *Config) source() (mirror.Source, *etcdclient.Conn, error) {
	switch {
	case cfg.Source != nil:
		return cfg.Source, nil, nil
	case cfg.Clients != nil:
		return mirror.NewEtcd(cfg.Clients), nil, nil
	}
	etcd := cfg.Etcd
	if etcd.Log == nil {
		etcd.Log = cfg.Log
	}
	conn, err := etcdclient.New(etcd)
	if err != nil {
		return nil, nil, err
	}
	return mirror.NewEtcd(conn), conn, nil
}

// Close ends the replica, after the snapshot has been written a last time if
// anything in it has changed. It waits for the disk until ctx is done, and leaves
// it alone then: the file is the old one or the new one in any case, and Released
// tells when. It is called once. An error is of the connection.
func (r *Replica) Close(ctx context.Context) error {
	r.cancel()
	r.wg.Wait()
	select {
	case <-r.disk.released:
	case <-ctx.Done():
		r.log.Warn("the disk is slow: closing before the last snapshot is written", "path", r.cfg.Snapshot)
	}
	if r.conn == nil {
		return nil
	}
	return r.conn.Close()
}
