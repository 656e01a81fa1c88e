package roster

import (
	"cmp"
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

func nameKey(p catalog.PortName) portKey { return portKey{protocol: p.Protocol, name: p.Name} }

func (k portKey) compare(other portKey) int {
	return cmp.Or(cmp.Compare(k.name, other.name), cmp.Compare(k.protocol, other.protocol), cmp.Compare(k.number, other.number))
}

// portKeying says which part of a port tells ports apart.
type portKeying uint8

const (
	byName          portKeying = iota // and protocol
	byNumber                          // and protocol
	byNumberOfEvery                   // whatever the protocol
	portKeyings
)

// keying returns which keying has the key.
func (k portKey) keying() portKeying {
	switch {
	case k.number == 0:
		return byName
	case k.protocol == "":
		return byNumberOfEvery
	}
	return byNumber
}

// key returns the key of a port.
func (k portKeying) key(p *catalog.Port) portKey {
	switch k {
	case byName:
		return portKey{protocol: p.Protocol, name: p.Name}
	case byNumber:
		return portKey{protocol: p.Protocol, number: p.Port}
	default:
		return portKey{number: p.Port}
	}
}

// portSet are the selected instances that have a port in common.
type portSet struct {
	// targets are the instances, each with its port: in order of ID, and one that
	// has the port over two protocols twice.
	targets []srvTarget

	srv      lazy[*srvSet]
	bindings lazy[*svcbSet]
	ids      lazy[*fitting[srvTarget]]
}

// named returns which instances have names that are not too long.
func (p *portSet) named() *fitting[srvTarget] {
	return *p.ids.get(func() *fitting[srvTarget] {
		f := new(fitting[srvTarget])
		for _, t := range p.targets {
			f.longest = max(f.longest, len(t.ID))
		}
		return f
	})
}

// srvSet returns the targets for questions of type SRV.
func (p *portSet) srvSet() *srvSet {
	if v := p.srv.made.Load(); v != nil {
		return *v
	}
	return *p.srv.get(func() *srvSet { return newSRVSet(p.targets) })
}

// svcbSet returns the endpoints for questions of type HTTPS, at that port.
func (p *portSet) svcbSet() *svcbSet {
	return *p.bindings.get(func() *svcbSet { return newSVCBSetAt(p.targets) })
}

// srvTarget is an instance with one of its ports: the data of an SRV record.
type srvTarget struct {
	*catalog.Instance
	port *catalog.Port
}

// labelLen returns the length in octets of the label that the target has before
// the service; 0 for a host, whose target is no name of ours.
func (t srvTarget) labelLen() int { return labelLen(t.Instance) }

func (t srvTarget) candidate() candidate { return candidateOf(t.Instance) }

func labelLen(in *catalog.Instance) int {
	if in.Host != "" {
		return 0
	}
	return len(in.ID)
}

// allPorts returns the instances with each of their ports: those of an instance side
// by side, and one that it has under two names or protocols once.
func allPorts(instances []*catalog.Instance) []srvTarget {
	targets := make([]srvTarget, 0, len(instances)) // most instances have one port
	for _, in := range instances {
		for i := range in.Ports {
			targets = append(targets, srvTarget{in, &in.Ports[i]})
		}
	}
	return targets
}

// srvSet is the data of an SRV record set: no two targets would make the same
// record.
type srvSet struct {
	targets []srvTarget
	ttl     ownTTLs
	fitting fitting[srvTarget]
	pickers pickers
}

// newSRVSet returns the set of targets, in which those of an instance stand side by
// side.
func newSRVSet(targets []srvTarget) *srvSet {
	set := &srvSet{targets: shrunk(distinctTargets(targets))}
	for _, t := range targets {
		set.ttl.add(t.Instance)
		set.fitting.longest = max(set.fitting.longest, t.labelLen())
	}
	return set
}

// hostRecord is the data of an SRV record with a host, of which many instances can
// have the same.
type hostRecord struct {
	host                   string
	priority, weight, port uint16
}

// distinctTargets returns the targets without those whose record is that of one
// before. Where there are none it is the list itself.
func distinctTargets(targets []srvTarget) []srvTarget {
	var hosts map[hostRecord]struct{}
	repeats := func(i int) bool {
		t := targets[i]
		for _, other := range slices.Backward(targets[:i]) {
			if other.Instance != t.Instance {
				break
			}
			if other.port.Port == t.port.Port { // under another name or protocol
				return true
			}
		}
		if t.Host == "" {
			return false
		}
		if hosts == nil {
			hosts = map[hostRecord]struct{}{}
		}
		return !firstOf(hosts, hostRecord{t.Host, t.Priority, t.Weight, t.port.Port})
	}
	var distinct []srvTarget
	for i := range targets {
		switch again := repeats(i); {
		case again && distinct == nil:
			distinct = append(make([]srvTarget, 0, len(targets)), targets[:i]...)
		case !again && distinct != nil:
			distinct = append(distinct, targets[i])
		}
	}
	if distinct == nil {
		return targets
	}
	return distinct
}

// within returns the targets that have a label of at most that many octets
// before the service. Hosts are always among them.
func (s *srvSet) within(octets int) []srvTarget {
	return s.fitting.within(s.targets, octets, srvTarget.labelLen)
}

// fitting tells which elements of a list make names that are not too long. It is
// safe for concurrent use.
type fitting[T any] struct {
	// longest is the length of the longest label in octets.
	longest int
	// byLabel are the elements in ascending order of the length of labels. It is
	// made where some are too long for a zone.
	byLabel struct {
		sync.Once
		list []T
	}
}

// within returns the elements with a label of at most that many octets.
func (f *fitting[T]) within(list []T, octets int, labelLen func(T) int) []T {
	octets = max(octets, 0)
	if f.longest <= octets {
		return list
	}
	f.byLabel.Do(func() {
		f.byLabel.list = slices.SortedStableFunc(slices.Values(list), func(a, b T) int { return labelLen(a) - labelLen(b) })
	})
	sorted := f.byLabel.list
	return sorted[:sort.Search(len(sorted), func(i int) bool { return labelLen(sorted[i]) > octets })]
}

// newPorts returns the ports of instances by key. A port that none of the selected
// ones has, which come in the same order, is there without targets, and so is each
// protocol alone. Of the targets of a port those are left that are of the locality,
// if there are any. Ports without a name have no other key than their protocol.
func newPorts(instances iter.Seq[*catalog.Instance], selected []*catalog.Instance, locality string, key func(*catalog.Port) portKey) map[portKey]*portSet {
	b := portsBuilder{sets: map[portKey]*portSet{}}
	for in := range instances {
		chosen := len(selected) > 0 && selected[0] == in
		b.size = 0
		if len(b.sets) == 0 && len(in.Ports) > 0 { // in most services the others have the ports of the first one
			b.size = len(selected) / len(in.Ports)
		}
		for i := range in.Ports {
			p := &in.Ports[i]
			k := key(p)
			if set := b.set(i, k); chosen && (k.name != "" || k.number != 0) {
				set.targets = append(set.targets, srvTarget{in, p})
			}
		}
		if chosen {
			selected = selected[1:]
		}
	}
	for _, set := range b.sets {
		set.targets = shrunk(catalog.Nearest(set.targets, locality, func(t srvTarget) *catalog.Instance { return t.Instance }))
	}
	return b.sets
}

type portsBuilder struct {
	sets map[portKey]*portSet
	// recent are the keys and sets of the last instance's ports: in most services
	// the next one has the same, which is found without the map.
	recent []recentPort
	size   int // of targets that a new set has room for
}

type recentPort struct {
	key portKey
	set *portSet
}

// set returns the set of a key, which is that of an instance's port i.
func (b *portsBuilder) set(i int, key portKey) *portSet {
	if i < len(b.recent) && b.recent[i].key == key {
		return b.recent[i].set
	}
	set, ok := b.sets[key]
	if !ok {
		set = &portSet{targets: make([]srvTarget, 0, b.size)}
		b.sets[key] = set
		if alone := (portKey{protocol: key.protocol}); b.sets[alone] == nil {
			b.sets[alone] = &portSet{}
		}
	}
	if i == len(b.recent) {
		b.recent = append(b.recent, recentPort{})
	}
	b.recent[i] = recentPort{key, set}
	return set
}
