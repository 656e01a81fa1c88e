package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/lease"
)

const (
	// readyTimeout bounds the wait for a single member to elect itself, which takes a second; its log has been read by
	// then. A folder of a cluster whose other members are away never gets there.
	readyTimeout = time.Minute

	// closeTimeout bounds the wait for an etcd that is sound to close: it gives its clients and the hand-over of its
	// leadership seven seconds each.
	closeTimeout = 30 * time.Second

	// leaveStartTimeout bounds the wait for a start to end once it is told to: for one that is sound to open its files, of
	// which a long log takes seconds, and to close them again.
	leaveStartTimeout = 10 * time.Second

	// faultyCloseTimeout bounds the wait for one that has failed. What can still be closed is closed in a second; the rest
	// waits for goroutines that are no more.
	faultyCloseTimeout = 3 * time.Second
)

// errStopped is why a start ended that was told to.
var errStopped = errors.New("told to stop")

// server is a running etcd.
type server struct {
	cfg   config
	etcd  *embed.Etcd
	calls *calls
	state *state
	watch sync.WaitGroup // the goroutine that runs report
	gone  chan struct{}  // closed: nothing is left to report
}

// startServer starts an etcd and waits until it serves clients, unless it is one of several members: these may need each
// other, and be started one after the other. It returns an error that tells the user what to do, and then leaves nothing
// running, unless the disk doesn't answer. If quiet, it logs nothing until speak is called.
func startServer(ctx context.Context, cfg config, g *guard, quiet bool) (*server, error) {
	return hurry(ctx, cfg.dataDir, func() (*server, error) { return launch(ctx, cfg, g, quiet) })
}

// hurry waits for a start, but not for ever once ctx is done: nothing that reads or writes files can be told to end. A
// start that is left behind ends its etcd itself, if it ever gets one; until then the data folder is not free.
func hurry(ctx context.Context, dir string, start func() (*server, error)) (*server, error) {
	type result struct {
		started *server
		err     error
	}
	results, left := make(chan result), make(chan struct{})
	go func() {
		started, err := start()
		select {
		case results <- result{started, err}:
		case <-left:
			if started != nil {
				_ = started.stop() // nobody is left to be told
			}
		}
	}()
	select {
	case r := <-results:
		return r.started, r.err
	case <-ctx.Done():
	}
	patience := time.NewTimer(leaveStartTimeout)
	defer patience.Stop()
	select {
	case r := <-results:
		return r.started, r.err
	case <-patience.C:
		close(left)
		return nil, fmt.Errorf("%w while etcd with data folder %q was starting: its disk doesn't answer", errStopped, dir)
	}
}

// launch is startServer without an end to its patience.
func launch(ctx context.Context, cfg config, g *guard, quiet bool) (*server, error) {
	if err := prepareDataDir(cfg.dataDir); err != nil {
		return nil, err
	}
	first := isFresh(cfg.dataDir)
	g.fit()
	s := &server{cfg: cfg, calls: newCalls(g.admit), state: newState(), gone: make(chan struct{})}
	s.state.quiet.Store(quiet)
	etcdConfig, err := cfg.embedConfig()
	if err != nil {
		return nil, err
	}
	etcdConfig.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newLogger(s.state))
	etcdConfig.GRPCAdditionalServerOptions = s.calls.options()
	if s.etcd, err = s.embed(etcdConfig); err != nil {
		return nil, explain(cfg, err)
	}
	s.state.phase.Store(running)
	s.watch.Go(s.report)
	if members := len(s.etcd.Server.Cluster().Members()); members > 1 {
		s.infof("Started etcd %q on %s, data in %q; it serves once most of its %d members do",
			cfg.name, &cfg.listenClient, cfg.dataDir, members)
		return s, nil
	}
	if err := s.waitReady(ctx); err != nil {
		err = errors.Join(err, s.stop())
		select {
		case <-s.ready(): // just now: clients can have written
		default:
			if first {
				err = errors.Join(err, removeMember(cfg.dataDir))
			}
		}
		return nil, err
	}
	s.infof("etcd %q serves on %s, data in %q", cfg.name, &cfg.listenClient, cfg.dataDir)
	return s, nil
}

// infof logs unless the server is quiet.
func (s *server) infof(format string, args ...any) {
	if !s.state.quiet.Load() {
		log.Infof(format, args...)
	}
}

// embed is embed.StartEtcd with an error in place of a panic, or of the process's end: that is how etcd reacts to damaged
// files. It has a goroutine of its own, since the one that calls something fatal ends.
func (s *server) embed(etcdConfig *embed.Config) (*embed.Etcd, error) {
	var (
		started *embed.Etcd
		err     error
		done    = make(chan struct{})
	)
	go func() {
		defer close(done)
		defer func() {
			if fault := recover(); fault != nil {
				s.state.fault.report(format(fmt.Sprint(fault), nil))
			}
		}()
		started, err = embed.StartEtcd(etcdConfig)
	}()
	<-done
	if err != nil {
		return nil, err
	}
	if started == nil {
		return nil, errors.Join(fmt.Errorf("etcd gave up: %w: if its files are damaged, restore the data folder from a backup, "+
			"or move it away to start empty", s.state.fault.err()), s.fence())
	}
	return started, nil
}

func (s *server) waitReady(ctx context.Context) error {
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	select {
	case <-s.ready():
		return nil
	case <-s.failed():
		return fmt.Errorf("etcd with data folder %q failed while it was starting: %w", s.cfg.dataDir, s.reason())
	case <-s.ended():
		return fmt.Errorf("etcd with data folder %q stopped while it was starting; its reason is in the log", s.cfg.dataDir)
	case <-ctx.Done():
		return fmt.Errorf("%w while etcd with data folder %q was starting", errStopped, s.cfg.dataDir)
	case <-timeout.C:
		return fmt.Errorf("etcd with data folder %q was not ready after %v: see its log above for the reason",
			s.cfg.dataDir, readyTimeout)
	}
}

// report logs what goes wrong with a listener while the server runs. It ends with the server.
func (s *server) report() {
	for {
		select {
		case err, ok := <-s.etcd.Err():
			if !ok {
				return
			}
			if !s.state.quiet.Load() && !s.state.fault.happened() {
				log.Errorf("etcd with data folder %q: %q", s.cfg.dataDir, err)
			}
		case <-s.gone:
			return
		}
	}
}

// ready is closed once clients are served.
func (s *server) ready() <-chan struct{} { return s.etcd.Server.ReadyNotify() }

// failed is closed once etcd can't go on, for the reason.
func (s *server) failed() <-chan struct{} { return s.state.fault.done }

func (s *server) reason() error { return s.state.fault.err() }

// ended is closed once etcd has stopped by itself, as a member does that was removed from its cluster.
func (s *server) ended() <-chan struct{} { return s.etcd.Server.StopNotify() }

// speak ends the quiet in which the server was started.
func (s *server) speak() { s.state.quiet.Store(false) }

// stop ends the server, sound or not. Ports and data folder are free for another one when it returns nil.
func (s *server) stop() error {
	s.state.phase.Store(stopping)
	s.calls.end()
	clean := s.close()
	s.calls.endAll()
	var err error
	if !clean {
		err = s.fence()
		s.silence()
	}
	close(s.gone)
	s.watch.Wait()
	if !s.state.fault.happened() {
		s.infof("Stopped etcd, data in %q", s.cfg.dataDir)
	}
	return err
}

// close closes etcd, and reports whether it did to the end. It waits for a time only.
func (s *server) close() bool {
	closed, clean := make(chan struct{}), false
	go func() { // which etcd may end
		defer close(closed)
		select {
		case <-s.ready():
		default:
			// Close would wait for the end of listeners that wait for one or the other.
			s.etcd.Server.HardStop()
		}
		s.etcd.Close()
		clean = true
	}()
	wait := time.NewTimer(closeTimeout)
	defer wait.Stop()
	failed := s.failed()
	for {
		select {
		case <-closed:
			return clean
		case <-failed:
			failed = nil
			s.calls.endAll()
			wait.Reset(faultyCloseTimeout)
		case <-wait.C:
			s.state.fault.report("etcd did not stop")
			return false
		}
	}
}

// fence takes from what is left of the server whatever another one needs.
func (s *server) fence() error {
	if err := fence(s.cfg.dataDir, s.cfg.addrs()); err != nil {
		return fmt.Errorf("take data folder %q and ports from an etcd that can't be closed: %w", s.cfg.dataDir, err)
	}
	return nil
}

// silence ends the raft of a fenced server, if it goes on: it would keep other members from electing a leader. It ends at
// the first write to its log, which fails.
func (s *server) silence() {
	go func() { // which etcd may end, or never answer
		defer func() { _ = recover() }()
		s.etcd.Server.PauseSending()
		ctx, cancel := context.WithTimeout(context.Background(), alarmTimeout)
		defer cancel()
		_, _ = s.etcd.Server.LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: int64(lease.NoLease)}) // nobody's
	}()
}

// addrs are where the server listens at a port that is known beforehand.
func (c config) addrs() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, u := range []url.URL{c.listenClient, c.listenPeer} { // without the latter, a URL without an address
		addr, err := netip.ParseAddrPort(u.Host)
		if err != nil { // localhost
			if addr, err = netip.ParseAddrPort("127.0.0.1:" + u.Port()); err != nil {
				continue
			}
		}
		if addr.Addr().IsUnspecified() {
			addr = netip.AddrPortFrom(netip.Addr{}, addr.Port())
		}
		if addr.Port() != 0 {
			addrs = append(addrs, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
		}
	}
	return addrs
}
