package etcdserver

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"

	"go.etcd.io/etcd/client/pkg/v3/types"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

const localhost = "localhost"

// parseListenURL accepts what etcd can bind: scheme, IP address or localhost, and port, nothing else.
func parseListenURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("not a URL: %w", errors.Unwrap(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the URL must start with http:// or https://")
	}
	if u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the URL must consist of a scheme, an address and a port")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); u.Hostname() != localhost && (err != nil || addr.Zone() != "") {
		return nil, fmt.Errorf("%q is not an IP address to listen on", u.Hostname())
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return nil, errors.New("the URL must have a port from 1 to 65535")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// checkTransport makes sure that only a loopback address goes without TLS: etcd without it takes writes from anybody.
// The property is the one that gives the files.
func checkTransport(u url.URL, files member.TLSFiles, property string) error {
	switch {
	case u.Scheme == "https" && files == member.TLSFiles{}:
		return fmt.Errorf("%s needs the property %s CERT KEY CACERT", &u, property)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%s is not a loopback address, so anybody who can reach it can change the registry: "+
			"use https with the property %s CERT KEY CACERT", &u, property)
	case u.Scheme == "http" && files != member.TLSFiles{}:
		return fmt.Errorf("%s is unencrypted although %s is given: use https", &u, property)
	}
	return nil
}

// checkPeer makes sure that the peer port isn't a way around the client port's certificates: whoever reaches it in clear
// can write to etcd whatever its users may do.
func checkPeer(cfg member.Config) error {
	if !cfg.HasPeers() {
		if cfg.PeerTLS != (member.TLSFiles{}) {
			return errors.New("peer_tls needs listen_peer, whose connections it secures")
		}
		return nil
	}
	if err := checkTransport(cfg.ListenPeer, cfg.PeerTLS, "peer_tls"); err != nil {
		return err
	}
	if cfg.ClientTLS != (member.TLSFiles{}) && cfg.PeerTLS == (member.TLSFiles{}) {
		return fmt.Errorf("%s is unencrypted, so anybody who can reach it can change the registry without any of the "+
			"certificates that tls demands: use https with the property peer_tls CERT KEY CACERT", &cfg.ListenPeer)
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == localhost || (err == nil && addr.Unmap().IsLoopback())
}

// checkInitialCluster reads the members as etcd does and finds what etcd would only stumble over later.
func checkInitialCluster(cfg member.Config) error {
	members, err := types.NewURLsMap(cfg.InitialCluster)
	if err != nil {
		return fmt.Errorf("%q is not NAME=URL,...: %w", cfg.InitialCluster, err)
	}
	if _, ok := members[cfg.Name]; !ok {
		return fmt.Errorf("%q lacks this member, whose name is %q", cfg.InitialCluster, cfg.Name)
	}
	for _, urls := range members {
		for _, u := range urls {
			if err := checkTransport(u, cfg.PeerTLS, "peer_tls"); err != nil {
				return err
			}
		}
	}
	return nil
}
