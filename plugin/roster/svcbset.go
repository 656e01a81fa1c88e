package roster

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// alpnKey is the metadata that says what an instance speaks (RFC 9460, 7.1), such
// as "h2,http/1.1". Those without it have no SVCB record.
const alpnKey = "alpn"

// svcbTarget is an instance as an endpoint: the data of an SVCB or HTTPS record.
type svcbTarget struct {
	*catalog.Instance
	port uint16 // 0 for none
}

func (t svcbTarget) labelLen() int        { return labelLen(t.Instance) }
func (t svcbTarget) candidate() candidate { return candidateOf(t.Instance) }

// svcbSet is the data of an SVCB or HTTPS record set.
type svcbSet struct {
	*setBase
	targets []svcbTarget
	fitting fitting[svcbTarget]
	hosts   map[hostBinding]struct{} // of the records so far
}

// hostBinding is the data of an SVCB record with a host, of which many instances can
// have the same.
type hostBinding struct {
	host, alpn     string
	priority, port uint16
}

// newSVCBSet returns the endpoints of instances, each with the port that HTTP most
// likely is at.
func newSVCBSet(instances []*catalog.Instance) *svcbSet {
	set := &svcbSet{setBase: new(setBase)}
	for _, in := range instances {
		set.add(svcbTarget{in, webPort(in)})
	}
	return set
}

// newSVCBSetAt returns the endpoints of instances at one port, which an instance can
// have over more than one protocol.
func newSVCBSetAt(targets []srvTarget) *svcbSet {
	set := &svcbSet{setBase: new(setBase)}
	for i, t := range targets {
		if i == 0 || targets[i-1].Instance != t.Instance {
			set.add(svcbTarget{t.Instance, t.port.Port})
		}
	}
	return set
}

func (s *svcbSet) add(t svcbTarget) {
	ids := protocolIDs(t.Metadata[alpnKey])
	if len(ids) == 0 {
		return
	}
	s.ttl.add(t.Instance)
	if t.Host != "" {
		if s.hosts == nil {
			s.hosts = map[hostBinding]struct{}{}
		}
		if !firstOf(s.hosts, hostBinding{t.Host, fmt.Sprintf("%q", ids), t.Priority, t.port}) {
			return
		}
	}
	s.targets = append(s.targets, t)
	s.fitting.longest = max(s.fitting.longest, t.labelLen())
}

// webPort returns the port named https, else http, else the first of TCP, else 0.
// Of two with the name that of TCP is the one.
func webPort(in *catalog.Instance) uint16 {
	best, rank := uint16(0), math.MaxInt
	for i := range in.Ports {
		p := &in.Ports[i]
		r := slices.Index([]portKey{
			{protocol: catalog.ProtocolTCP, name: "https"},
			{protocol: catalog.ProtocolUDP, name: "https"},
			{protocol: catalog.ProtocolTCP, name: "http"},
			{protocol: catalog.ProtocolUDP, name: "http"},
		}, byName.key(p))
		if r < 0 {
			if p.Protocol != catalog.ProtocolTCP {
				continue
			}
			r = math.MaxInt - 1
		}
		if r < rank {
			best, rank = p.Port, r
		}
	}
	return best
}

// protocolIDs returns the items of a list that is separated by commas, where '\'
// takes away what a comma or '\' means (RFC 9460, A.1), and without what spaces are
// around them. Empty ones, which no protocol has, are left out.
func protocolIDs(list string) []string {
	var ids []string
	var id strings.Builder
	end := func() {
		if s := strings.TrimSpace(id.String()); s != "" && !slices.Contains(ids, s) {
			ids = append(ids, s)
		}
		id.Reset()
	}
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == ',':
			end()
			continue
		case c == '\\' && i+1 < len(list):
			i++
		}
		id.WriteByte(list[i])
	}
	end()
	return ids
}
