package main

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
	"github.com/rosterdns/roster/cmd/registrar/internal/doctor"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/cmd/registrar/internal/resolve"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

const (
	// maxCompared bounds the services that a server is asked for, three questions each.
	maxCompared = 100
	// tries is how often a server is asked before it is said to be behind, or to differ:
	// one that follows etcd is milliseconds behind, and things change between questions.
	// tryPause is between two.
	tries    = 5
	tryPause = 100 * time.Millisecond
)

// dnsServers returns the servers of --server, or else the system's.
func (d *examination) dnsServers() ([]dnsserver.Server, error) {
	if len(d.servers.list) > 0 {
		return d.servers.list, nil
	}
	return dnsserver.OfSystem(d.resolvConf)
}

// checkServer checks a DNS server: if it is well, also what it answers. The registry is
// nil where it can't be read.
func (d *examination) checkServer(ctx context.Context, client *registrar.Client, seen *statusOf, registry *inspect.Registry) []doctor.Finding {
	if registry != nil {
		registry = d.catchUp(ctx, client, seen, registry)
	}
	finding := doctor.Server(string(seen.server), d.zone(), seen.Status, seen.err, registry)
	if finding.Level != doctor.OK || registry == nil {
		return []doctor.Finding{finding}
	}
	return append([]doctor.Finding{finding}, d.compare(ctx, client, seen.server, registry)...)
}

// catchUp asks a server, or etcd, again where it has not got to what the other had.
func (d *examination) catchUp(ctx context.Context, client *registrar.Client, seen *statusOf, registry *inspect.Registry) *inspect.Registry {
	for range tries {
		switch {
		case seen.err != nil:
			return registry
		case seen.Revision > registry.Revision:
			if now, err := inspectService(ctx, client, catalog.ServiceName{Namespace: d.globals.namespace}); err == nil {
				registry = now
			}
		case seen.Revision < registry.LastChange:
			seen.Status, seen.err = seen.server.Status(ctx, d.zone())
		default:
			return registry
		}
		if backoff.Sleep(ctx, tryPause) != nil {
			return registry
		}
	}
	return registry
}

// compare compares what a server answers for the services with what etcd has. Those that
// differ are compared again.
func (d *examination) compare(ctx context.Context, client *registrar.Client, server dnsserver.Server, registry *inspect.Registry) []doctor.Finding {
	var names []catalog.ServiceName
	for s := range registry.Generation.All() {
		if len(names) < maxCompared {
			names = append(names, s.ServiceName())
		}
	}
	compared := len(names)
	for try := 0; len(names) > 0 && try < tries; try++ {
		if try > 0 && backoff.Sleep(ctx, tryPause) != nil {
			break
		}
		var differ []catalog.ServiceName
		for _, name := range names {
			equal, err := d.equal(ctx, client, server, name)
			if err != nil {
				return []doctor.Finding{{Level: doctor.Fail, What: fmt.Sprintf("comparing %s on DNS server %s: %v", name, server, err), Do: classify(err).hint}}
			}
			if !equal {
				differ = append(differ, name)
			}
		}
		names = differ
	}
	return doctor.Compared(string(server), compared, registry.Generation.Services(), names)
}

// equal reports whether a server answers for a service what etcd has.
func (d *examination) equal(ctx context.Context, client *registrar.Client, server dnsserver.Server, service catalog.ServiceName) (bool, error) {
	name, err := resolve.OfService(service, catalog.Selector{}, d.zone())
	if err != nil {
		return false, err
	}
	if _, valid := dns.IsDomainName(name.Domain); !valid {
		return true, nil // too long for DNS to have it
	}
	registry, err := inspectAnswering(ctx, client, service)
	if err != nil {
		return false, err
	}
	answers, refusal, err := askAll(ctx, server, &name)
	if err != nil {
		return false, err
	}
	expected, limit := resolve.Expected(registry.Generation, &name)
	_, differences := resolve.Compare(resolve.Answered(name.Domain, answers), expected, limit, resolve.Full(answers))
	return differences == 0 && refusal == "", nil
}
