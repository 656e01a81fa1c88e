package dns

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// defaultPort is DNS's.
const defaultPort = "53"

// parseServer returns the address of a server that a user names, with its port.
func parseServer(endpoint string) (string, error) {
	switch {
	case endpoint == "":
		return "", fmt.Errorf("an endpoint is empty: give HOST:PORT of a DNS server")
	case strings.Contains(endpoint, "/"):
		return "", fmt.Errorf("endpoint %q is a URL: give HOST:PORT of a DNS server", endpoint)
	}
	if addr, err := netip.ParseAddr(strings.Trim(endpoint, "[]")); err == nil {
		return net.JoinHostPort(addr.String(), defaultPort), nil
	}
	if !strings.Contains(endpoint, ":") {
		endpoint += ":" + defaultPort
	}
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return "", fmt.Errorf("endpoint %q is not HOST:PORT: %w", endpoint, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return "", fmt.Errorf("endpoint %q is not HOST:PORT with a port from 1 to 65535", endpoint)
	}
	return endpoint, nil
}

const (
	// resolvConf is where the system has its servers (resolv.conf(5)).
	resolvConf = "/etc/resolv.conf"
	// reread is after how long that is read again, as by Go's own resolver.
	reread = 5 * time.Second
)

// servers are the DNS servers to ask. They are safe for concurrent use.
type servers struct {
	path string // of a file like resolv.conf; empty where they are fixed

	mu     sync.Mutex
	read   time.Time
	listed []string
}

// list returns the addresses of the servers; at least one.
func (s *servers) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" || !s.read.IsZero() && time.Since(s.read) < reread {
		return s.listed
	}
	s.read = time.Now()
	s.listed = []string{net.JoinHostPort("127.0.0.1", defaultPort)} // where the file names none
	if file, err := dns.ClientConfigFromFile(s.path); err == nil && len(file.Servers) > 0 {
		s.listed = nil
		for _, address := range file.Servers {
			s.listed = append(s.listed, net.JoinHostPort(address, defaultPort))
		}
	}
	return s.listed
}
