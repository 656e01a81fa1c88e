package roster

import (
	"cmp"
	"hash/maphash"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// A target is a contribution to a record set. Two of a priority value make the same
// record that are of one instance and port, or of equal hosts, ports and weights.

func (t srvTarget) instance() *catalog.Instance { return t.Instance }

func (t srvTarget) compare(other srvTarget) int {
	c := cmp.Or(strings.Compare(t.Host, other.Host), cmp.Compare(t.port.Port, other.port.Port))
	if c == 0 && t.Host != "" {
		c = cmp.Compare(t.Weight, other.Weight)
	}
	return cmp.Or(c, strings.Compare(t.ID, other.ID), strings.Compare(t.port.Name, other.port.Name), strings.Compare(t.port.Protocol, other.port.Protocol))
}

func (t srvTarget) repeats(other srvTarget) bool {
	if t.Host != other.Host || t.port.Port != other.port.Port {
		return false
	}
	if t.Host == "" {
		return t.ID == other.ID
	}
	return t.Weight == other.Weight
}

func (t srvTarget) hash() uint64 {
	name := t.Host
	if name == "" {
		name = t.ID
	}
	return maphash.String(shardSeed, name)
}

// weight implements contribution: it is in the record itself.
func (t srvTarget) weight([]srvTarget) uint64 { return uint64(t.Weight) }
