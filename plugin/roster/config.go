package roster

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/fall"
)

// Defaults of the directive.
const (
	// defaultTTL is short, since services change, and not 0, since clients ask
	// again for each connection.
	defaultTTL            = 5
	defaultMinTTL         = 0
	defaultMaxTTL         = 3600
	defaultStartupTimeout = 5 * time.Second
	// maxTTL is the largest TTL there is (RFC 2181, 8).
	maxTTL = 1<<31 - 1
)

// config is one roster directive.
type config struct {
	origins []string
	// inner are the zones of other server blocks of the Corefile that lie within
	// the origins.
	inner          []string
	registry       registryConfig
	ttls           ttls
	maxUDP         int // octets of an answer by UDP
	nameServers    []nameServer
	startupTimeout time.Duration
	// stale is how long after the last contact answers go on; 0 is forever.
	stale time.Duration
	nets  nets
	// maxAnswers is how many records an answer for a service has; 0 is all.
	maxAnswers int
	clients    clients
	fall       fall.F
	fastpath   bool
	// server is the server block, as CoreDNS has it; nil in tests without one.
	server *dnsserver.Config
	// stated says where each property is stated first; the directive itself is
	// under pluginName.
	stated map[string]position
}

// position is a line of a Corefile or of a file that it imports.
type position struct {
	file string
	line int
}

// String returns the position as messages show it.
func (p position) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// at returns where a property is stated, or else the directive.
func (cfg *config) at(property string) position {
	if p, ok := cfg.stated[property]; ok {
		return p
	}
	return cfg.stated[pluginName]
}

// errorAt is Errf of a property that shows only later to be wrong, and keeps the
// cause.
func (cfg *config) errorAt(property string, err error) error {
	return fmt.Errorf("%s - Error during parsing: %s: %w", cfg.at(property), property, err)
}

// rooted makes a path that is not absolute relative to the folder of the root
// plugin, as other plugins do.
func rooted(c *caddy.Controller, path string) string {
	if root := dnsserver.GetConfig(c).Root; root != "" && !filepath.IsAbs(path) {
		return filepath.Join(root, path)
	}
	return path
}

// one returns the only argument of a property.
func one(args []string, what string) (string, error) {
	if len(args) != 1 || args[0] == "" {
		return "", fmt.Errorf("needs %s, and nothing else", what)
	}
	return args[0], nil
}
