package peers

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/ports"
)

// The configurations of a primary and its secondaries. A secondary logs its transfers to
// the file log, and Knot writes no zone file, which would be the whole zone after each transfer.
const (
	primaryBlock = block + `	transfer {
		to 127.0.0.1:{{.Other}}
	}
	roster {
		endpoint {{.Endpoint}}
		prefix {{.Prefix}}
		ns ns1.` + load.Zone + ` 127.0.0.1
	}
}
`
	knotSecondary = `server:
    listen: 127.0.0.1@{{.Port}}
    rundir: "{{.Dir}}"
database:
    storage: "{{.Dir}}"
log:
  - target: "{{.Dir}}/log"
    any: info
control:
    listen: "{{.Dir}}/knot.sock"
remote:
  - id: primary
    address: 127.0.0.1@{{.Other}}
acl:
  - id: primary
    address: 127.0.0.1
    action: notify
zone:
  - domain: ` + load.Zone + `
    storage: "{{.Dir}}"
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
    master: primary
    acl: primary
`
	nsdSecondary = `server:
	ip-address: 127.0.0.1@{{.Port}}
	server-count: 1
	username: ""
	chroot: ""
	zonesdir: "{{.Dir}}"
	database: ""
	pidfile: ""
	logfile: "{{.Dir}}/log"
	verbosity: 2
	xfrdfile: "{{.Dir}}/xfrd.state"
	xfrdir: "{{.Dir}}"
	zonelistfile: "{{.Dir}}/zone.list"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: ` + load.Zone + `
	zonefile: secondary.zone
	allow-notify: 127.0.0.1 NOKEY
	request-xfr: 127.0.0.1@{{.Other}} NOKEY
`
)

// Secondary is a name server that has its zone from a Roster.
type Secondary struct {
	*Server
	dir   string
	kinds func(log string) Transfers
}

// Transfers counts the transfers of a zone that a secondary has begun.
type Transfers struct{ Whole, Incremental int }

// Transfers reads in the secondary's log what it has transferred so far.
func (s *Secondary) Transfers() (Transfers, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	return s.kinds(string(text)), err
}

// The names of secondaries that Replicated starts.
const (
	Knot = "knot"
	NSD  = "nsd"
)

// Replicated starts Roster and a secondary of it, and waits until the secondary has the zone.
func (k Kit) Replicated(ctx context.Context, r Roster, secondary string) (*Server, *Secondary, error) {
	port, err := ports.Free()
	if err != nil {
		return nil, nil, err
	}
	primary, err := k.coredns(ctx, "roster-primary", k.Programs.Roster, primaryBlock, config{Endpoint: r.Endpoint, Prefix: r.Prefix, Other: port})
	if err != nil {
		return nil, nil, err
	}
	s := &Secondary{kinds: knotTransfers}
	text, argv := knotSecondary, []string{k.Programs.Knot, "-c"}
	if secondary == NSD {
		s.kinds = nsdTransfers
		text, argv = nsdSecondary, []string{k.Programs.NSD, "-d", "-c"}
	}
	var c config
	if s.Server, c, err = k.start(secondary+"-secondary", text, config{Port: port, Other: primary.Port}, argv...); err != nil {
		primary.Stop()
		return nil, nil, err
	}
	s.dir = c.Dir
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := s.WaitAnswer(ctx, Question{Name: load.Zone, Type: dns.TypeSOA}, 1); err != nil {
		s.Stop()
		primary.Stop()
		return nil, nil, err
	}
	return primary, s, nil
}

var (
	knotTransfer = regexp.MustCompile(`([AI]XFR), incoming, remote [^,]*,.* started`)
	nsdTransfer  = regexp.MustCompile(`received update to serial .* of ([0-9]+) bytes`)
)

func knotTransfers(log string) (t Transfers) {
	for _, found := range knotTransfer.FindAllStringSubmatch(log, -1) {
		if found[1] == "IXFR" {
			t.Incremental++
		} else {
			t.Whole++
		}
	}
	return t
}

// nsdTransfers tells by the size, since NSD doesn't say: the first transfer is whole, and one
// that has less than half of its octets isn't.
func nsdTransfers(log string) (t Transfers) {
	first := 0
	for _, found := range nsdTransfer.FindAllStringSubmatch(log, -1) {
		size, err := strconv.Atoi(found[1])
		switch {
		case err != nil: // more than any transfer has
			t.Whole++
		case first == 0:
			first = size
			t.Whole++
		case size < first/2:
			t.Incremental++
		default:
			t.Whole++
		}
	}
	return t
}
