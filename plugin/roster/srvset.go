package roster

import (
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
	setBase
	targets []srvTarget
	fitting fitting[srvTarget]
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
