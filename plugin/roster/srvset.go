package roster

import (
	"iter"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

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

// srvSet is the data of an SRV record set: no two targets would make the same
// record.
type srvSet struct {
	*setBase
	targets []srvTarget
	fitting fitting[srvTarget]
	// large has the targets instead where they are those of a large service.
	large *shardList[srvTarget]
	// list are these as a list, where some have names that are too long.
	list lazy[*srvSet]
}

func newLargeSRVSet(s *shards[srvTarget]) *srvSet {
	l := newShardList(s)
	return &srvSet{setBase: &setBase{ttl: l.ttl, large: l}, large: l}
}

func (s *srvSet) len() int {
	if s.large != nil {
		return s.large.len()
	}
	return len(s.targets)
}

// newSRVSet returns the set of targets, in which those of an instance stand side by
// side.
func newSRVSet(targets []srvTarget) *srvSet {
	set := &srvSet{setBase: new(setBase), targets: shrunk(distinctTargets(targets))}
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
func (s *srvSet) within(octets int) srvList {
	switch {
	case s.large == nil:
		return srvList{list: s.fitting.within(s.targets, octets, srvTarget.labelLen)}
	case s.large.longest > octets:
		all := *s.list.get(func() *srvSet { return newSRVSet(s.large.records()) })
		return all.within(octets)
	}
	return srvList{large: s.large}
}

// srvList are targets: a list, or those of a large service.
type srvList struct {
	list  []srvTarget
	large *shardList[srvTarget]
}

func (l srvList) len() int {
	if l.large != nil {
		return l.large.len()
	}
	return len(l.list)
}

func (l srvList) at(i int) srvTarget {
	if l.large != nil {
		return l.large.at(i)
	}
	return l.list[i]
}

// pick is pick of the targets.
func (l srvList) pick(by *limit, made *pickers) (picked srvList, whole int, ordered bool) {
	if l.large == nil {
		l.list, whole, ordered = pick(by, l.list, srvTarget.candidate, made)
		return l, whole, ordered
	}
	list, whole := l.large.picked(by)
	if list == nil {
		return l, whole, false
	}
	return srvList{list: list}, whole, true
}

// allPorts returns the instances with each of their ports: those of an instance side
// by side, and one that it has under two names or protocols once.
func allPorts(instances []*catalog.Instance) []srvTarget {
	targets := make([]srvTarget, 0, len(instances)) // most instances have one port
	for _, in := range instances {
		targets = slices.AppendSeq(targets, eachTarget(in))
	}
	return targets
}

// eachTarget yields an instance with each of its ports.
func eachTarget(in *catalog.Instance) iter.Seq[srvTarget] {
	return func(yield func(srvTarget) bool) {
		for i := range in.Ports {
			if !yield(srvTarget{in, &in.Ports[i]}) {
				return
			}
		}
	}
}
