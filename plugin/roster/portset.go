package roster

import (
	"iter"

	"github.com/rosterdns/roster/catalog"
)

// portSet are the selected instances that have a port in common.
type portSet struct {
	// targets are the instances, each with its port: in order of ID, and one that
	// has the port over two protocols twice.
	targets []srvTarget
	// hasNames says of a protocol alone that one of its ports has a name.
	hasNames bool

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
		alone := portKey{protocol: key.protocol}
		if b.sets[alone] == nil {
			b.sets[alone] = &portSet{}
		}
		if key.name != "" {
			b.sets[alone].hasNames = true
		}
	}
	if i == len(b.recent) {
		b.recent = append(b.recent, recentPort{})
	}
	b.recent[i] = recentPort{key, set}
	return set
}
