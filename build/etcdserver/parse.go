package etcdserver

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/rosterdns/roster/build/etcdserver/member"
	"github.com/rosterdns/roster/internal/etcdclient"
)

var defaultListenClient = url.URL{Scheme: "http", Host: "127.0.0.1:2379"}

// defaultName is not etcd's own "default", of which etcd warns: it leads to mix-ups when a cluster grows.
const defaultName = "roster"

// parse reads the directive that c stands on, up to its end.
func parse(c *caddy.Controller) (member.Config, error) {
	cfg := member.Config{Name: defaultName, ListenClient: defaultListenClient}
	p := parser{Controller: c, root: dnsserver.GetConfig(c).Root, lines: map[string]int{directiveName: c.Line()}}
	args := c.RemainingArgs()
	if len(args) != 1 {
		return cfg, c.Errf("%s takes one argument, the data folder; found %d", directiveName, len(args))
	}
	cfg.DataDir = p.path(args[0])
	for c.NextBlock() {
		if err := p.property(&cfg); err != nil {
			return cfg, err
		}
	}
	if c.Next() {
		return cfg, c.Errf("%s is already at line %d: a process runs one etcd", directiveName, p.lines[directiveName])
	}
	return cfg, p.check(cfg)
}

// parser is the state of one call of parse.
type parser struct {
	*caddy.Controller
	root  string         // relative paths start here, as in all of CoreDNS
	lines map[string]int // of each property seen
}

// property reads the property that the controller stands on into cfg.
func (p *parser) property(cfg *member.Config) error {
	property := p.Val()
	if line, ok := p.lines[property]; ok {
		return p.Errf("%s is already at line %d", property, line)
	}
	p.lines[property] = p.Line()
	args := p.RemainingArgs()
	switch property {
	case "name":
		return p.one(property, args, "NAME", &cfg.Name)
	case "listen_client":
		return p.listenURL(property, args, &cfg.ListenClient)
	case "listen_peer":
		return p.listenURL(property, args, &cfg.ListenPeer)
	case "initial_cluster":
		return p.one(property, args, "NAME=URL,...", &cfg.InitialCluster)
	case "tls":
		return p.tlsFiles(property, args, &cfg.ClientTLS)
	case "peer_tls":
		return p.tlsFiles(property, args, &cfg.PeerTLS)
	default:
		return p.Errf("unknown property %q; %s has name, listen_client, listen_peer, initial_cluster, tls and peer_tls",
			property, directiveName)
	}
}

func (p *parser) one(property string, args []string, what string, to *string) error {
	if len(args) != 1 || args[0] == "" {
		return p.Errf("%s takes one argument, %s; found %d", property, what, len(args))
	}
	*to = args[0]
	return nil
}

func (p *parser) listenURL(property string, args []string, to *url.URL) error {
	var arg string
	if err := p.one(property, args, "URL", &arg); err != nil {
		return err
	}
	u, err := parseListenURL(arg)
	if err != nil {
		return p.Errf("%s %s: %v", property, arg, err)
	}
	*to = *u
	return nil
}

func (p *parser) tlsFiles(property string, args []string, to *member.TLSFiles) error {
	if len(args) != 3 || slices.Contains(args, "") {
		return p.Errf("%s takes three arguments, CERT KEY CACERT; found %q", property, args)
	}
	files := etcdclient.TLSFiles{Cert: p.path(args[0]), Key: p.path(args[1]), CA: p.path(args[2])}
	// A wrong path stops the start instead of every handshake.
	if err := files.Check(); err != nil {
		return p.Errf("%s: %v", property, err)
	}
	*to = member.TLSFiles(files)
	return nil
}

func (p *parser) path(path string) string {
	if !filepath.IsAbs(path) && p.root != "" {
		return filepath.Join(p.root, path)
	}
	return path
}

// check finds properties that don't fit together.
func (p *parser) check(cfg member.Config) error {
	if strings.ContainsAny(cfg.Name, "=,") {
		return p.errorAt("name", fmt.Errorf("%q: must not contain '=' or ','", cfg.Name))
	}
	if err := checkTransport(cfg.ListenClient, cfg.ClientTLS, "tls"); err != nil {
		return p.errorAt("listen_client", err)
	}
	if err := checkPeer(cfg); err != nil {
		return p.errorAt("listen_peer", err)
	}
	if cfg.InitialCluster == "" {
		return nil
	}
	if !cfg.HasPeers() {
		return p.errorAt("initial_cluster", fmt.Errorf("needs listen_peer, the URL at which other members reach this one"))
	}
	if err := checkInitialCluster(cfg); err != nil {
		return p.errorAt("initial_cluster", err)
	}
	return nil
}

// errorAt is Errf for a property read before; the line of the directive stands for one that was left out.
func (p *parser) errorAt(property string, err error) error {
	line, ok := p.lines[property]
	if !ok {
		line = p.lines[directiveName]
	}
	return fmt.Errorf("%s:%d - Error during parsing: %s: %w", p.File(), line, property, err)
}
