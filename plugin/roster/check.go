package roster

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/etcdclient"
)

// check says what is wrong with properties that each alone are right.
func (cfg *config) check() error {
	if cfg.ttls.lowest > cfg.ttls.highest {
		return cfg.errorAt("min_ttl", fmt.Errorf("%d is above max_ttl, which is %d", cfg.ttls.lowest, cfg.ttls.highest))
	}
	if err := cfg.checkRetention(); err != nil {
		return err
	}
	// Part by part, so that a fault is reported where it is.
	etcd := cfg.registry.etcd
	for _, part := range []struct {
		property string
		etcd     etcdclient.Config
	}{
		{"endpoint", etcdclient.Config{Endpoints: etcd.Endpoints}},
		{"tls", etcdclient.Config{Endpoints: etcd.Endpoints, Files: etcd.Files}},
		{"credentials_file", etcd},
	} {
		if err := part.etcd.Check(); err != nil {
			return cfg.errorAt(part.property, err)
		}
	}
	return nil
}

// checkZones finds what CoreDNS would leave out of a list of zones without a
// word.
func checkZones(zones []string) error {
	for _, z := range zones {
		if len(plugin.Host(z).NormalizeExact()) == 0 {
			return fmt.Errorf("%q is not a zone", z)
		}
	}
	return nil
}

func checkOrigins(origins []string) error {
	if len(origins) == 0 {
		return errors.New("no zone to answer for")
	}
	for _, o := range origins {
		if _, err := roomBelow(o); err != nil && !isReverse(o) {
			return err
		}
	}
	if !slices.ContainsFunc(origins, func(o string) bool { return !isReverse(o) }) {
		return fmt.Errorf("all zones are reverse zones, as %q: add one that the names they point to are in", origins[0])
	}
	return nil
}

// checkNSName says what is wrong with a name server's name as it is stated. It
// must be a hostname, since addresses belong to it (RFC 1123, 2.1).
func checkNSName(stated string, origins []string) error {
	if _, err := netip.ParseAddr(stated); err == nil {
		return fmt.Errorf("%q is an IP address: NAME comes first", stated)
	}
	name := plugin.Name(stated).Normalize()
	if _, ok := dns.IsDomainName(name); !ok || name == "." {
		return fmt.Errorf("%q is not a domain name", stated)
	}
	last := ""
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if err := catalog.CheckLabel("label", label); err != nil {
			return err
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("%q ends in a number, which a hostname can't", stated)
	}
	if last+"." == name && !plugin.Zones(origins).Contains(name) {
		return fmt.Errorf("%q is a single label outside the zones: write the full name, such as %s", stated, name+origins[0])
	}
	return nil
}
