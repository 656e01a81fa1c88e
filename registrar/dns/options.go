package dns

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// DefaultZone is the zone in which services are looked for, unless WithZone names another.
const DefaultZone = "svc.internal"

// extraKey is the type of this driver's keys in registrar.Options.Extra.
type extraKey uint8

const keyMetadata extraKey = iota

// WithZone sets the zone of the roster plugin in which services are looked for; the
// default is DefaultZone.
func WithZone(zone string) registrar.Option {
	return func(o *registrar.Options) { o.Zone = zone }
}

// WithMetadata makes results have the metadata of instances. That costs a question for
// each instance, at each renewal of a service.
func WithMetadata() registrar.Option {
	return func(o *registrar.Options) { o.Extra[keyMetadata] = true }
}

// zoneOf returns the zone of the options, in lower case and with a dot at its end.
func zoneOf(o *registrar.Options) (string, error) {
	zone := o.Zone
	if zone == "" {
		zone = DefaultZone
	}
	if _, ok := dns.IsDomainName(zone); !ok || strings.Trim(zone, ".") == "" {
		return "", fmt.Errorf("zone %q is not the name of a DNS zone", zone)
	}
	return dns.CanonicalName(zone), nil
}

// serversOf returns the DNS servers of the options.
func serversOf(o *registrar.Options) (*servers, error) {
	if len(o.Endpoints) == 0 {
		return &servers{path: resolvConf}, nil
	}
	s := &servers{}
	for _, endpoint := range o.Endpoints {
		server, err := parseServer(endpoint)
		if err != nil {
			return nil, err
		}
		s.listed = append(s.listed, server)
	}
	return s, nil
}

// check refuses what a user would believe to have effect.
func check(o *registrar.Options) error {
	switch {
	case o.TLS != nil || o.TLSFiles != nil:
		return errors.New("TLS can't be used: DNS is asked in the clear")
	case o.Username != "" || o.Password != "" || o.CredentialsFile != "":
		return errors.New("credentials can't be used: DNS has no users")
	case o.Snapshot != "":
		return errors.New("a snapshot can't be used: nothing is stored")
	}
	return nil
}
