package member

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/embed"
)

// readyTimeout bounds the wait for a single member to elect itself, which takes a second; its log has been read by then. A
// folder of a cluster whose other members are away never gets there.
const readyTimeout = time.Minute

// SettleTime is how long an etcd has to serve before an outage counts as ended, so that one that fails again and again is one
// outage in the log.
const SettleTime = 5 * time.Second

// errStarved is why an etcd is replaced that could not allocate the next file of its log: it would fail at the end of the
// present one, even though there is space now.
var errStarved = errors.New("it could not prepare the next file of its log while the disk was full")

// server is a running etcd.
type server struct {
	cfg   Config
	etcd  *embed.Etcd
	inUse func() error // notes that clients can write; safe for concurrent use
	calls *calls
	log   *etcdLog
	guard *guard
}

// run runs an etcd until ctx is done, or until it fails. Its error tells the user what to do.
func run(ctx context.Context, order Order, to *reporter) error {
	dir := order.Config.DataDir
	g := &guard{dir: dir, space: diskSpace, to: to}
	if order.Again && g.awaitRoom(ctx) != nil {
		return nil
	}
	g.fit()
	inUse := sync.OnceValue(firstStart{dir}.end)
	s := &server{cfg: order.Config, inUse: inUse, calls: newCalls(inUse, g.admit), log: &etcdLog{to: to}, guard: g}
	s.log.quiet.Store(order.Again)
	if err := s.start(); err != nil {
		return err
	}
	err := s.attend(ctx)
	s.stop()
	if err == nil {
		s.log.infof("etcd stopped, data in %q", dir)
	}
	return err
}

// isSingle reports whether a new cluster has this member alone.
func (s *server) isSingle() bool {
	members, err := types.NewURLsMap(s.cfg.InitialCluster)
	return err == nil && len(members) < 2
}

// start starts etcd. Damaged files make it panic, or end the process: the log tells the parent then.
func (s *server) start() (err error) {
	if s.isSingle() {
		if err := (firstStart{s.cfg.DataDir}).begin(); err != nil {
			return err
		}
	}
	if err := probeDatabase(s.cfg.DataDir); err != nil {
		return err
	}
	ec, err := s.cfg.Embed()
	if err != nil {
		return err
	}
	ec.ZapLoggerBuilder = embed.NewZapLoggerBuilder(s.log.logger())
	ec.GRPCAdditionalServerOptions = s.calls.options()
	defer func() {
		if fault := recover(); fault != nil {
			s.log.fail(format(fmt.Sprint(fault), nil))
			err = errors.New("etcd panicked")
		}
	}()
	if s.etcd, err = embed.StartEtcd(ec); err != nil {
		return explain(s.cfg, err)
	}
	s.log.phase.Store(running)
	return nil
}

// attend looks after etcd until ctx is done, when it returns nil, or until there is a reason to end it.
func (s *server) attend(ctx context.Context) error {
	attended, cancel := context.WithCancelCause(ctx)
	var guarding sync.WaitGroup
	guarding.Go(func() {
		if s.guard.watch(attended, s) {
			cancel(errStarved)
		}
	})
	err := s.awaitReady(attended)
	if err == nil {
		err = s.serve(attended)
	}
	cancel(nil)
	guarding.Wait() // which the parent limits, should the disk not answer
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// awaitReady waits until etcd can serve.
func (s *server) awaitReady(ctx context.Context) error {
	timeout := time.After(readyTimeout)
	if members := len(s.etcd.Server.Cluster().Members()); members > 1 { // they may need each other first
		timeout = nil
		s.log.infof("etcd %q started on %s, data in %q: it serves once a majority of its %d members runs", s.cfg.Name, &s.cfg.ListenClient,
			s.cfg.DataDir, members)
		s.log.to.report(Event{Kind: Started})
	}
	select {
	case <-s.etcd.Server.ReadyNotify():
		return nil
	case <-s.etcd.Server.StopNotify():
		return fmt.Errorf("etcd with data folder %q stopped while it was starting: see its log above for the reason", s.cfg.DataDir)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout:
		return fmt.Errorf("etcd with data folder %q was not ready after %v: see its log above for the reason",
			s.cfg.DataDir, readyTimeout)
	}
}

// serve reports that clients are served, until etcd ends.
func (s *server) serve(ctx context.Context) error {
	if err := s.inUse(); err != nil {
		return err
	}
	s.log.infof("etcd %q serves on %s, data in %q", s.cfg.Name, &s.cfg.ListenClient, s.cfg.DataDir)
	s.log.to.report(Event{Kind: Serving})
	settled := time.AfterFunc(SettleTime, func() { s.log.quiet.Store(false) })
	defer settled.Stop()
	select {
	case <-s.etcd.Server.StopNotify():
		s.log.to.report(Event{Kind: Removed})
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stop ends etcd. The parent limits the time that it takes.
func (s *server) stop() {
	s.log.phase.Store(stopping)
	s.calls.stop()
	select {
	case <-s.etcd.Server.ReadyNotify():
	default:
		s.etcd.Server.HardStop() // Close would wait for the end of listeners that wait for one or the other
	}
	s.etcd.Close()
}
