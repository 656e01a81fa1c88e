package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
)

const (
	// readyTimeout bounds the wait for a single member to elect itself, which takes a second; its log has been read by
	// then. A folder of a cluster whose other members are away never gets there.
	readyTimeout = time.Minute

	// compactionRetention is the history kept for watchers that come back: they list again after more.
	compactionRetention = "1h"

	// quotaBytes is the most that etcd suggests. It is a ceiling, not an allocation; etcd's default of 2 GiB is filled by
	// an hour's history of a thousand changes of 500 bytes a second.
	quotaBytes = 8 << 30

	// snapshotCount is how many entries of the raft log stay in memory before a snapshot, beside the 5,000 that etcd keeps
	// for slow members: half of etcd's default, for CoreDNS's process is expected to be small.
	snapshotCount = 5_000
)

// server is a running etcd.
type server struct {
	cfg     config
	etcd    *embed.Etcd
	streams *streams
	phase   phase
	watch   sync.WaitGroup // the goroutine that runs report
}

// startServer starts an etcd and waits until it serves clients, unless it is one of several members: these may need each
// other, and be started one after the other. It returns an error that tells the user what to do, and then leaves nothing
// running.
func startServer(ctx context.Context, cfg config) (*server, error) {
	if err := prepareDataDir(cfg.dataDir); err != nil {
		return nil, err
	}
	s := &server{cfg: cfg, streams: newStreams()}
	etcdConfig, err := cfg.embedConfig()
	if err != nil {
		return nil, err
	}
	etcdConfig.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newLogger(&s.phase))
	etcdConfig.GRPCAdditionalServerOptions = []grpc.ServerOption{grpc.ChainStreamInterceptor(s.streams.intercept)}
	if s.etcd, err = startEmbedded(etcdConfig); err != nil {
		return nil, explain(cfg, err)
	}
	s.phase.Store(running)
	s.watch.Go(s.report)
	if members := len(s.etcd.Server.Cluster().Members()); members > 1 {
		log.Infof("Started etcd %q on %s, data in %q; it serves once most of its %d members do",
			cfg.name, &cfg.listenClient, cfg.dataDir, members)
		return s, nil
	}
	if err := s.waitReady(ctx); err != nil {
		s.stop()
		return nil, err
	}
	log.Infof("etcd %q serves on %s, data in %q", cfg.name, &cfg.listenClient, cfg.dataDir)
	return s, nil
}

// startEmbedded is embed.StartEtcd with an error in place of a panic: that is how etcd reacts to damaged files.
func startEmbedded(etcdConfig *embed.Config) (e *embed.Etcd, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			e, err = nil, fmt.Errorf("etcd gave up: %v: if its files are damaged, restore the data folder from a backup, "+
				"or move it away to start empty", fault)
		}
	}()
	return embed.StartEtcd(etcdConfig)
}

func (s *server) waitReady(ctx context.Context) error {
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	select {
	case <-s.etcd.Server.ReadyNotify():
		return nil
	case <-s.etcd.Server.StopNotify():
		return fmt.Errorf("etcd with data folder %q stopped while it was starting; its reason is in the log", s.cfg.dataDir)
	case <-ctx.Done():
		return fmt.Errorf("told to stop while etcd with data folder %q was starting", s.cfg.dataDir)
	case <-timeout.C:
		return fmt.Errorf("etcd with data folder %q was not ready after %v: see its log above for the reason",
			s.cfg.dataDir, readyTimeout)
	}
}

// report logs what goes wrong while the server runs. It ends with the server.
func (s *server) report() {
	stopped := s.etcd.Server.StopNotify()
	for {
		select {
		case err, ok := <-s.etcd.Err():
			if !ok {
				return
			}
			log.Errorf("etcd with data folder %q: %q", s.cfg.dataDir, err)
		case <-stopped:
			if s.phase.Load() == running {
				log.Errorf("etcd with data folder %q has stopped by itself, as a member does that was removed from its cluster; "+
					"restart the process to start it again", s.cfg.dataDir)
			}
			stopped = nil
		}
	}
}

// stop ends the server; ports and data folder are free when it returns.
func (s *server) stop() {
	s.phase.Store(stopping)
	s.streams.end()
	s.etcd.Close()
	s.watch.Wait()
	log.Infof("Stopped etcd, data in %q", s.cfg.dataDir)
}

// embedConfig translates c. The logger and the gRPC options are the caller's.
func (c config) embedConfig() (*embed.Config, error) {
	ec := embed.NewConfig()
	ec.Name = c.name
	ec.Dir = c.dataDir
	ec.ListenClientUrls = []url.URL{c.listenClient}
	ec.ListenPeerUrls = []url.URL{c.listenPeer}
	ec.AdvertiseClientUrls = []url.URL{c.listenClient}
	ec.AdvertisePeerUrls = []url.URL{c.listenPeer}
	ec.InitialCluster = ec.InitialClusterFromName(c.name)
	if c.initialCluster != "" {
		members, err := types.NewURLsMap(c.initialCluster)
		if err != nil {
			return nil, fmt.Errorf("initial_cluster %q: %w", c.initialCluster, err)
		}
		ec.InitialCluster = c.initialCluster
		ec.AdvertisePeerUrls = members[c.name]
		ec.AdvertiseClientUrls = []url.URL{advertisedClientURL(c.listenClient, members[c.name][0])}
	}
	ec.ClientTLSInfo.CertFile, ec.ClientTLSInfo.KeyFile = c.clientTLS.cert, c.clientTLS.key
	ec.ClientTLSInfo.TrustedCAFile, ec.ClientTLSInfo.ClientCertAuth = c.clientTLS.ca, c.clientTLS != tlsFiles{}
	ec.PeerTLSInfo.CertFile, ec.PeerTLSInfo.KeyFile = c.peerTLS.cert, c.peerTLS.key
	ec.PeerTLSInfo.TrustedCAFile, ec.PeerTLSInfo.ClientCertAuth = c.peerTLS.ca, c.peerTLS != tlsFiles{}

	ec.AutoCompactionMode = embed.CompactorModePeriodic
	ec.AutoCompactionRetention = compactionRetention
	ec.QuotaBackendBytes = quotaBytes
	ec.SnapshotCount = snapshotCount
	// The JSON gateway would let a web page that a user visits write to an etcd on loopback; nothing here needs it.
	ec.EnableGRPCGateway = false
	return ec, nil
}

// advertisedClientURL is what other members and their clients are told: the client's port, at the address under which
// the others know this member if it listens on every address.
func advertisedClientURL(listen, peer url.URL) url.URL {
	if ip := net.ParseIP(listen.Hostname()); ip != nil && ip.IsUnspecified() {
		listen.Host = net.JoinHostPort(peer.Hostname(), listen.Port())
	}
	return listen
}

// explain adds to an error of etcd which property it is about, and what to do.
func explain(cfg config, err error) error {
	where := fmt.Sprintf("listen_client %s", &cfg.listenClient)
	var failed *net.OpError
	if errors.As(err, &failed) && failed.Addr != nil && failed.Addr.String() == cfg.listenPeer.Host {
		where = fmt.Sprintf("listen_peer %s", &cfg.listenPeer)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %w: another program listens there, perhaps an etcd: stop it, or choose another port", where, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: %w: this machine has no such address", where, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %w: choose a port above 1023, or allow the process to bind lower ones", where, err)
	}
	return fmt.Errorf("start etcd with data folder %q: %w", cfg.dataDir, err)
}
