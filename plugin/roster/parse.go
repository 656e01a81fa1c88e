package roster

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/etcdclient"
)

// property parses the arguments of one property into the configuration.
type property struct {
	parse      func(*config, *caddy.Controller, []string) error
	repeatable bool
}

var properties = map[string]property{
	"endpoint":         {parse: parseEndpoint},
	"prefix":           {parse: parsePrefix},
	"namespaces":       {parse: parseNamespaces},
	"credentials":      {parse: parseCredentials},
	"credentials_file": {parse: parseCredentialsFile},
	"tls":              {parse: parseTLS},
	"ttl":              {parse: func(c *config, _ *caddy.Controller, args []string) error { return parseTTL(&c.ttls.standard, args) }},
	"min_ttl":          {parse: func(c *config, _ *caddy.Controller, args []string) error { return parseTTL(&c.ttls.lowest, args) }},
	"max_ttl":          {parse: func(c *config, _ *caddy.Controller, args []string) error { return parseTTL(&c.ttls.highest, args) }},
	"max_udp":          {parse: parseMaxUDP},
	"ns":               {parse: parseNS, repeatable: true},
	"snapshot":         {parse: parseSnapshot},
	"snapshot_max_age": {parse: parseMaxAge},
	"stale":            {parse: parseStale},
	"protect":          {parse: parseProtect},
	"keep_last":        {parse: parseKeepLast},
	"allow_net":        {parse: func(c *config, _ *caddy.Controller, args []string) error { return parseNets(&c.nets.allow, args) }, repeatable: true},
	"deny_net":         {parse: func(c *config, _ *caddy.Controller, args []string) error { return parseNets(&c.nets.deny, args) }, repeatable: true},
	"max_answers":      {parse: parseMaxAnswers},
	"locality":         {parse: func(c *config, _ *caddy.Controller, args []string) error { return c.clients.addNets(args) }, repeatable: true},
	"ecs_trust":        {parse: func(c *config, _ *caddy.Controller, args []string) error { return parseNets(&c.clients.trusted, args) }, repeatable: true},
	"startup_timeout":  {parse: parseStartupTimeout},
	"fastpath":         {parse: parseFastpath},
	"fallthrough":      {parse: parseFallthrough},
}

// parse reads the roster directive of a server block. Errors name the file and
// the line.
func parse(c *caddy.Controller) (*config, error) {
	cfg := &config{
		registry:       registryConfig{prefix: catalog.DefaultPrefix},
		ttls:           ttls{standard: defaultTTL, lowest: defaultMinTTL, highest: defaultMaxTTL},
		maxUDP:         defaultMaxUDP,
		startupTimeout: defaultStartupTimeout,
	}
	c.Next()
	cfg.stated = map[string]position{pluginName: {c.File(), c.Line()}}
	zones := c.RemainingArgs()
	if err := checkZones(zones); err != nil {
		return nil, c.Errf("%v", err)
	}
	cfg.origins = plugin.OriginsFromArgsOrServerBlock(zones, c.ServerBlockKeys)
	if err := checkOrigins(cfg.origins); err != nil {
		return nil, c.Errf("%v", err)
	}
	for c.NextBlock() {
		name := c.Val()
		p, known := properties[name]
		if !known {
			return nil, c.Errf("unknown property %q; %s has %s", name, pluginName, strings.Join(slices.Sorted(maps.Keys(properties)), ", "))
		}
		if first, twice := cfg.stated[name]; !twice {
			cfg.stated[name] = position{c.File(), c.Line()}
		} else if !p.repeatable {
			return nil, c.Errf("%s appears twice, first at %s", name, first)
		}
		if err := p.parse(cfg, c, c.RemainingArgs()); err != nil {
			return nil, c.Errf("%s: %v", name, err)
		}
	}
	if c.Next() {
		return nil, c.Errf("roster appears twice in one server block")
	}
	if len(cfg.registry.etcd.Endpoints) == 0 {
		cfg.registry.etcd.Endpoints = []string{etcdclient.DefaultEndpoint}
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return cfg, nil
}

func parseEndpoint(cfg *config, _ *caddy.Controller, args []string) error {
	if len(args) == 0 {
		return errors.New("needs a URL such as " + etcdclient.DefaultEndpoint)
	}
	cfg.registry.etcd.Endpoints = args
	return nil
}

func parsePrefix(cfg *config, _ *caddy.Controller, args []string) error {
	path, err := one(args, "a path such as "+catalog.DefaultPrefix)
	if err != nil {
		return err
	}
	cfg.registry.prefix, err = catalog.CleanPrefix(path)
	return err
}

func parseNamespaces(cfg *config, _ *caddy.Controller, args []string) error {
	if len(args) == 0 {
		return errors.New("needs at least one namespace")
	}
	for _, n := range args {
		if err := catalog.CheckNamespace(n); err != nil {
			return err
		}
	}
	cfg.registry.namespaces = slices.Compact(slices.Sorted(slices.Values(args)))
	return nil
}

func parseCredentials(cfg *config, _ *caddy.Controller, args []string) error {
	if len(args) != 2 || args[0] == "" || args[1] == "" {
		return errors.New("needs a user and a password, and nothing else")
	}
	cfg.registry.etcd.Username, cfg.registry.etcd.Password = args[0], args[1]
	return nil
}

func parseCredentialsFile(cfg *config, c *caddy.Controller, args []string) error {
	path, err := one(args, "the path of a file")
	if err != nil {
		return err
	}
	cfg.registry.etcd.CredentialsFile = rooted(c, path)
	return nil
}

// parseTLS takes the arguments that the etcd plugin takes: none, CACERT, CERT
// KEY, or CERT KEY CACERT.
func parseTLS(cfg *config, c *caddy.Controller, args []string) error {
	if slices.Contains(args, "") {
		return errors.New("has an empty path")
	}
	for i := range args {
		args[i] = rooted(c, args[i])
	}
	files := &etcdclient.TLSFiles{}
	switch len(args) {
	case 0:
	case 1:
		files.CA = args[0]
	case 2:
		files.Cert, files.Key = args[0], args[1]
	case 3:
		files.Cert, files.Key, files.CA = args[0], args[1], args[2]
	default:
		return fmt.Errorf("takes at most three arguments, CERT KEY CACERT; found %d", len(args))
	}
	cfg.registry.etcd.Files = files
	return nil
}

func parseTTL(ttl *uint32, args []string) error {
	s, err := one(args, "a number of seconds")
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > maxTTL {
		return fmt.Errorf("%q is not a number of seconds from 0 to %d", s, maxTTL)
	}
	*ttl = uint32(n)
	return nil
}

// parseMaxUDP takes a size from the least that every client has room for to the
// most that RFC 6891, 6.2.5, recommends.
func parseMaxUDP(cfg *config, _ *caddy.Controller, args []string) error {
	s, err := one(args, "a number of octets")
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n < dns.MinMsgSize || n > dns.DefaultMsgSize {
		return fmt.Errorf("%q is not a number of octets from %d to %d", s, dns.MinMsgSize, dns.DefaultMsgSize)
	}
	cfg.maxUDP = int(n)
	return nil
}

// parseNS adds a name server, or addresses to one that an earlier line states.
func parseNS(cfg *config, _ *caddy.Controller, args []string) error {
	if len(args) == 0 {
		return errors.New("needs a name")
	}
	if err := checkNSName(args[0], cfg.origins); err != nil {
		return err
	}
	name := plugin.Name(args[0]).Normalize()
	if len(args) > 1 && !plugin.Zones(cfg.origins).Contains(name) {
		return fmt.Errorf("%q is outside the zones, which can't hold its addresses: omit them", name)
	}
	i := slices.IndexFunc(cfg.nameServers, func(ns nameServer) bool { return ns.name == name })
	if i < 0 {
		i = len(cfg.nameServers)
		cfg.nameServers = append(cfg.nameServers, nameServer{name: name})
	}
	ns := &cfg.nameServers[i]
	for _, arg := range args[1:] {
		a, err := netip.ParseAddr(arg)
		if err != nil || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("%q is not an IP address that clients can send to", arg)
		}
		ns.addresses = append(ns.addresses, a)
	}
	ns.addresses = distinct(ns.addresses)
	return nil
}

func parseMaxAnswers(cfg *config, _ *caddy.Controller, args []string) error {
	s, err := one(args, "a number of records")
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not a number of records from 0 to %d", s, catalog.MaxPolicyCount)
	}
	cfg.maxAnswers = int(n)
	return nil
}

func parseStartupTimeout(cfg *config, _ *caddy.Controller, args []string) error {
	s, err := one(args, "a duration such as 5s")
	if err != nil {
		return err
	}
	if cfg.startupTimeout, err = time.ParseDuration(s); err != nil || cfg.startupTimeout < 0 {
		return fmt.Errorf("%q is not a duration such as 5s", s)
	}
	return nil
}

func parseFastpath(cfg *config, _ *caddy.Controller, args []string) error {
	if len(args) > 0 {
		return errors.New("takes no argument")
	}
	cfg.fastpath = true
	return nil
}

func parseFallthrough(cfg *config, _ *caddy.Controller, args []string) error {
	if err := checkZones(args); err != nil {
		return err
	}
	cfg.fall.SetZonesFromArgs(args)
	return nil
}
