package member

import (
	"fmt"
	"net"
	"net/url"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/embed"
)

// Config is what one etcd is to be. Two are equal (==) if they ask for the same.
type Config struct {
	DataDir        string
	Name           string
	ListenClient   url.URL
	ListenPeer     url.URL // zero: no other member can reach this one
	InitialCluster string  // NAME=URL,...; empty: this member is the whole cluster
	ClientTLS      TLSFiles
	PeerTLS        TLSFiles
}

// TLSFiles are the paths of PEM files; all empty: no TLS. etcd reads certificate and key anew at each handshake.
type TLSFiles struct{ Cert, Key, CA string }

// HasPeers reports whether other members can reach this one.
func (c Config) HasPeers() bool { return c.ListenPeer != url.URL{} }

const (
	// compactionRetention is the history for watchers that come back: they list again after more.
	compactionRetention = "1h"

	// quotaBytes is the most that etcd suggests. It is a ceiling, not an allocation; etcd's default of 2 GiB is filled by
	// an hour's history of a thousand changes of 500 bytes a second.
	quotaBytes = 8 << 30

	// snapshotCount is how many entries of the raft log stay in memory before a snapshot, beside the 5,000 that etcd keeps
	// for slow members: half of etcd's default, for a registry is expected to be small.
	snapshotCount = 5_000
)

// noPeerURL is what a member without a peer port says of itself, for etcd insists on a URL. Nobody can dial port 0.
var noPeerURL = url.URL{Scheme: "http", Host: "127.0.0.1:0"}

// Embed is c in etcd's own form, without logger and gRPC options.
func (c Config) Embed() (*embed.Config, error) {
	ec := embed.NewConfig()
	ec.Name = c.Name
	ec.Dir = c.DataDir
	ec.ListenClientUrls = []url.URL{c.ListenClient}
	ec.AdvertiseClientUrls = []url.URL{c.ListenClient}
	ec.ListenPeerUrls, ec.AdvertisePeerUrls = nil, []url.URL{noPeerURL}
	if c.HasPeers() {
		ec.ListenPeerUrls, ec.AdvertisePeerUrls = []url.URL{c.ListenPeer}, []url.URL{c.ListenPeer}
	}
	ec.InitialCluster = ec.InitialClusterFromName(c.Name)
	if c.InitialCluster != "" {
		members, err := types.NewURLsMap(c.InitialCluster)
		if err != nil {
			return nil, fmt.Errorf("initial_cluster %q: %w", c.InitialCluster, err)
		}
		ec.InitialCluster = c.InitialCluster
		ec.AdvertisePeerUrls = members[c.Name]
		ec.AdvertiseClientUrls = []url.URL{advertisedClientURL(c.ListenClient, members[c.Name][0])}
	}
	ec.ClientTLSInfo.CertFile, ec.ClientTLSInfo.KeyFile = c.ClientTLS.Cert, c.ClientTLS.Key
	ec.ClientTLSInfo.TrustedCAFile, ec.ClientTLSInfo.ClientCertAuth = c.ClientTLS.CA, c.ClientTLS != TLSFiles{}
	ec.PeerTLSInfo.CertFile, ec.PeerTLSInfo.KeyFile = c.PeerTLS.Cert, c.PeerTLS.Key
	ec.PeerTLSInfo.TrustedCAFile, ec.PeerTLSInfo.ClientCertAuth = c.PeerTLS.CA, c.PeerTLS != TLSFiles{}

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
