package peers

import (
	"context"
	"runtime"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/bench/load"
)

// Knot and NSD have a thread or a process for each processor, and neither a limit of
// answers nor a control socket.
const (
	knotConfig = `server:
    listen: 127.0.0.1@{{.Port}}
    rundir: "{{.Dir}}"
    udp-workers: {{.Workers}}
database:
    storage: "{{.Dir}}/db"
log:
  - target: stderr
    any: warning
control:
    listen: "{{.Dir}}/knot.sock"
zone:
  - domain: ` + load.Zone + `
    file: "{{.Zone}}"
    zonefile-sync: -1
    journal-content: none
`
	nsdConfig = `server:
	ip-address: 127.0.0.1@{{.Port}}
	server-count: {{.Workers}}
	reuseport: yes
	username: ""
	chroot: ""
	zonesdir: "{{.Dir}}"
	database: ""
	pidfile: ""
	xfrdfile: "{{.Dir}}/xfrd.state"
	xfrdir: "{{.Dir}}"
	zonelistfile: "{{.Dir}}/zone.list"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: ` + load.Zone + `
	zonefile: "{{.Zone}}"
`
)

// Knot starts Knot DNS with a zone file.
func (k Kit) Knot(ctx context.Context, zone string) (*Server, error) {
	return k.authoritative(ctx, "knot", knotConfig, zone, k.Programs.Knot, "-c")
}

// NSD starts NSD with a zone file.
func (k Kit) NSD(ctx context.Context, zone string) (*Server, error) {
	return k.authoritative(ctx, "nsd", nsdConfig, zone, k.Programs.NSD, "-d", "-c")
}

func (k Kit) authoritative(ctx context.Context, name, text, zone string, argv ...string) (*Server, error) {
	s, _, err := k.start(name, text, config{Zone: zone, Workers: runtime.NumCPU()}, argv...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return s, s.WaitAnswer(ctx, Question{Name: load.Zone, Type: dns.TypeSOA}, 1)
}
