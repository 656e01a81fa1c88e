package etcdserver

import (
	"fmt"
	"net"
	"net/url"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/embed"
)

const (
	// compactionRetention is the history kept for watchers that come back: they list again after more.
	compactionRetention = "1h"

	// quotaBytes is the most that etcd suggests. It is a ceiling, not an allocation; etcd's default of 2 GiB is filled by
	// an hour's history of a thousand changes of 500 bytes a second.
	quotaBytes = 8 << 30

	// snapshotCount is how many entries of the raft log stay in memory before a snapshot, beside the 5,000 that etcd keeps
	// for slow members: half of etcd's default, for CoreDNS's process is expected to be small.
	snapshotCount = 5_000
)

// noPeerURL is what a member without a peer port says of itself, for etcd insists on a URL. Nobody can dial port 0.
var noPeerURL = url.URL{Scheme: "http", Host: "127.0.0.1:0"}

// embedConfig translates c. The logger and the gRPC options are the caller's.
func (c config) embedConfig() (*embed.Config, error) {
	ec := embed.NewConfig()
	ec.Name = c.name
	ec.Dir = c.dataDir
	ec.ListenClientUrls = []url.URL{c.listenClient}
	ec.AdvertiseClientUrls = []url.URL{c.listenClient}
	ec.ListenPeerUrls, ec.AdvertisePeerUrls = nil, []url.URL{noPeerURL}
	if c.hasPeers() {
		ec.ListenPeerUrls, ec.AdvertisePeerUrls = []url.URL{c.listenPeer}, []url.URL{c.listenPeer}
	}
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
