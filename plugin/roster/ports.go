package roster

import (
	"iter"
	"slices"
	"sort"
	"sync"

	"github.com/rosterdns/roster/catalog"
)

// portKey is what a name says of ports. Parts that it leaves out are empty; all
// ports are meant where all are.
type portKey struct {
	protocol, name string
	number         uint16
}

func (n *name) portKey() portKey { return portKey{n.protocol, n.port, n.portNumber} }

func nameKey(p *catalog.Port) portKey { return portKey{protocol: p.Protocol, name: p.Name} }

func numberKey(p *catalog.Port) portKey { return portKey{protocol: p.Protocol, number: p.Port} }

// srvTarget is an instance with one of its ports: the data of an SRV record.
type srvTarget struct {
	*catalog.Instance
	port *catalog.Port
}

// labelLen returns the length in octets of the label that the target has before
// the service; 0 for a host, whose target is no name of ours.
func (t srvTarget) labelLen() int {
	if t.Host != "" {
		return 0
	}
	return len(t.ID)
}

// srvSet is the data of an SRV record set: no two targets would make the same
// record.
type srvSet struct {
	// targets has the ports of an instance side by side.
	targets []srvTarget
	ttl     ownTTLs
	// longest is the length of the longest label of a target.
	longest int
	// byLabel are the targets in ascending order of the length of labels. It is
	// made where some are too long for a zone.
	byLabel struct {
		sync.Once
		targets []srvTarget
	}
	// hosts are the records with hosts so far, of which many instances can have
	// the same. It is nil once the set is complete.
	hosts map[hostRecord]struct{}
}

// hostRecord is the data of an SRV record with a host.
type hostRecord struct {
	host                   string
	priority, weight, port uint16
}

// newSRVSet returns all ports of instances that are up.
func newSRVSet(up []*catalog.Instance) *srvSet {
	set := &srvSet{targets: make([]srvTarget, 0, len(up))} // most instances have one port
	for _, in := range up {
		for i := range in.Ports {
			set.add(in, &in.Ports[i])
		}
	}
	set.complete()
	return set
}

// add adds a port of an instance that is up. The ports of an instance are added
// one after the other.
func (s *srvSet) add(in *catalog.Instance, p *catalog.Port) {
	s.ttl.add(in)
	for _, other := range slices.Backward(s.targets) {
		if other.Instance != in {
			break
		}
		if other.port.Port == p.Port { // under another name or protocol
			return
		}
	}
	if in.Host != "" {
		record := hostRecord{in.Host, in.Priority, in.Weight, p.Port}
		if _, twice := s.hosts[record]; twice {
			return
		}
		if s.hosts == nil {
			s.hosts = map[hostRecord]struct{}{}
		}
		s.hosts[record] = struct{}{}
	}
	t := srvTarget{in, p}
	s.targets = append(s.targets, t)
	s.longest = max(s.longest, t.labelLen())
}

// complete says that all ports are added.
func (s *srvSet) complete() {
	s.hosts = nil
	s.targets = shrunk(s.targets)
}

// within returns the targets that have a label of at most that many octets
// before the service. Hosts are always among them.
func (s *srvSet) within(octets int) []srvTarget {
	octets = max(octets, 0)
	if s.longest <= octets {
		return s.targets
	}
	s.byLabel.Do(func() {
		s.byLabel.targets = slices.SortedStableFunc(slices.Values(s.targets), func(a, b srvTarget) int { return a.labelLen() - b.labelLen() })
	})
	sorted := s.byLabel.targets
	return sorted[:sort.Search(len(sorted), func(i int) bool { return sorted[i].labelLen() > octets })]
}

// newPorts returns the targets by what names say of ports: key is the part of a
// port that they are told apart by. A port that no instance has that is up is
// there with an empty set, and so is each protocol alone. Ports without a name
// have no other key than their protocol. There are about size instances.
func newPorts(instances iter.Seq[*catalog.Instance], size int, key func(*catalog.Port) portKey) map[portKey]*srvSet {
	b := portsBuilder{sets: map[portKey]*srvSet{}}
	for in := range instances {
		b.size = 0
		if len(b.sets) == 0 && len(in.Ports) > 0 { // in most services the others have the ports of the first one
			b.size = size / len(in.Ports)
		}
		for i := range in.Ports {
			p := &in.Ports[i]
			k := key(p)
			if set := b.set(i, k); in.Up() && k != (portKey{protocol: p.Protocol}) {
				set.add(in, p)
			}
		}
	}
	for _, set := range b.sets {
		set.complete()
	}
	return b.sets
}

type portsBuilder struct {
	sets map[portKey]*srvSet
	// recent are the keys and sets of the last instance's ports: in most services
	// the next one has the same, which is found without the map.
	recent []recentPort
	size   int // of targets that a new set has room for
}

type recentPort struct {
	key portKey
	set *srvSet
}

// set returns the set of a key, which is that of an instance's port i.
func (b *portsBuilder) set(i int, key portKey) *srvSet {
	if i < len(b.recent) && b.recent[i].key == key {
		return b.recent[i].set
	}
	set, ok := b.sets[key]
	if !ok {
		set = &srvSet{targets: make([]srvTarget, 0, b.size)}
		b.sets[key] = set
		if alone := (portKey{protocol: key.protocol}); b.sets[alone] == nil {
			b.sets[alone] = &srvSet{}
		}
	}
	if i == len(b.recent) {
		b.recent = append(b.recent, recentPort{})
	}
	b.recent[i] = recentPort{key, set}
	return set
}
