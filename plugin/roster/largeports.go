package roster

import (
	"iter"
	"maps"

	"github.com/rosterdns/roster/catalog"
)

// maxLargePorts is how many ports a large service has at most whose targets follow
// changes: the list of them is copied by each.
const maxLargePorts = 64

// changes are instances that are replaced by others; one of them can be nil.
type changes = iter.Seq2[*catalog.Instance, *catalog.Instance]

// portShards are the instances of a large service by their ports. It is immutable.
type portShards struct {
	by map[portKey]portShard // nil where there are too many
}

// portShard are the instances that have a port.
type portShard struct {
	instances int // how many there are, whatever their status
	targets   *shards[srvTarget]
}

// newPortShards is portShards.with of a service that had no ports.
func newPortShards(changed changes, answers func(*catalog.Instance) bool, key func(*catalog.Port) portKey) portShards {
	return portShards{map[portKey]portShard{}}.with(changed, answers, key)
}

// with returns the ports after changes. answers says which instances answer for the
// service, and key what tells ports apart.
func (p portShards) with(changed changes, answers func(*catalog.Instance) bool, key func(*catalog.Port) portKey) portShards {
	e := portEdits{map[portKey]int{}, map[portKey][]shardEdit[srvTarget]{}}
	for old, next := range changed {
		e.add(old, key, -1, answers(old))
		e.add(next, key, 1, answers(next))
		if len(e.instances) > 2*maxLargePorts {
			return portShards{}
		}
	}
	by := maps.Clone(p.by)
	for k, more := range e.instances {
		at := by[k]
		if at.targets == nil {
			at.targets = new(shards[srvTarget])
		}
		if at.instances += more; at.instances == 0 {
			delete(by, k)
			continue
		}
		if len(e.targets[k]) > 0 {
			at.targets = at.targets.with(e.targets[k])
		}
		by[k] = at
	}
	if len(by) > maxLargePorts {
		return portShards{}
	}
	return portShards{by}
}

// portEdits are changes by port: of how many instances have it, and of its targets.
type portEdits struct {
	instances map[portKey]int
	targets   map[portKey][]shardEdit[srvTarget]
}

// add adds an instance, which can be nil, or takes it away.
func (e *portEdits) add(in *catalog.Instance, key func(*catalog.Port) portKey, more int, answers bool) {
	if in == nil {
		return
	}
	for i := range in.Ports {
		p := &in.Ports[i]
		k := key(p)
		e.instances[k] += more
		alone := portKey{protocol: k.protocol}
		if alone == k {
			continue // has no name, and is no target
		}
		e.instances[alone] += more
		if answers {
			e.targets[k] = append(e.targets[k], shardEdit[srvTarget]{srvTarget{in, p}, more < 0})
		}
	}
}
