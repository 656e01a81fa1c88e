package roster

import (
	"cmp"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// portKey is what a name says of ports. Parts that it leaves out are empty; all
// ports are meant where all are.
type portKey struct {
	protocol, name string
	number         uint16
}

func (n *name) portKey() portKey         { return portKey{n.protocol, n.port, n.portNumber} }
func nameKey(p catalog.PortName) portKey { return portKey{protocol: p.Protocol, name: p.Name} }

// clone returns the key with memory of its own: that of a query is used again.
func (k portKey) clone() portKey {
	return portKey{strings.Clone(k.protocol), strings.Clone(k.name), k.number}
}

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

// labels returns a named port as the labels of a name.
func (k portKey) labels() string {
	var text strings.Builder
	k.writeLabels(&text)
	return text.String()
}

func (k portKey) writeLabels(text *strings.Builder) {
	text.WriteByte('_')
	text.WriteString(k.name)
	text.WriteString("._")
	text.WriteString(k.protocol)
}
