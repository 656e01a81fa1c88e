package services

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

// cursor is what is left to read of a record.
type cursor string

func (c *cursor) byte() byte {
	b := (*c)[0]
	*c = (*c)[1:]
	return b
}

// number reads a uvarint.
func (c *cursor) number() (n uint64) {
	for shift := 0; ; shift += 7 {
		b := c.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (c *cursor) take(n int) string {
	s := (*c)[:n]
	*c = (*c)[n:]
	return string(s)
}

func (c *cursor) text() string { return c.take(int(c.number())) }

// texts reads a list; nil if it is empty.
func (c *cursor) texts() []string {
	n := c.number()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = c.text()
	}
	return list
}

// pairs reads metadata; nil if there is none.
func (c *cursor) pairs() map[string]string {
	n := c.number()
	if n == 0 {
		return nil
	}
	pairs := make(map[string]string, n)
	for range n {
		key := c.text()
		pairs[key] = c.text()
	}
	return pairs
}

// skip returns what read takes.
func (c *cursor) skip(read func(*cursor)) string {
	start := *c
	read(c)
	return string(start[:len(start)-len(*c)])
}

// packedAddresses are addresses as a record has them: equal for equal lists. Empty
// stands for none.
type packedAddresses string

func (c *cursor) addresses() packedAddresses {
	return packedAddresses(c.skip(func(c *cursor) {
		for range c.number() {
			c.text()
		}
	}))
}

// all yields the addresses in their order.
func (p packedAddresses) all() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		if p == "" {
			return
		}
		c := cursor(p)
		for range c.number() {
			if a, _ := netip.AddrFromSlice([]byte(c.text())); !yield(a) {
				return
			}
		}
	}
}

// list returns the addresses; nil if there are none.
func (p packedAddresses) list() []netip.Addr {
	list := make([]netip.Addr, 0, p[0]) // the count, which is less than 128
	return slices.AppendSeq(list, p.all())
}

// packedPorts are ports as a record has them: equal for equal lists.
type packedPorts string

func (c *cursor) ports() packedPorts {
	return packedPorts(c.skip(func(c *cursor) {
		for range c.number() {
			c.port()
		}
	}))
}

// all yields the ports in their order.
func (p packedPorts) all() iter.Seq[catalog.Port] {
	return func(yield func(catalog.Port) bool) {
		c := cursor(p)
		for range c.number() {
			if !yield(c.port()) {
				return
			}
		}
	}
}

// list returns the ports; nil if there are none.
func (p packedPorts) list() []catalog.Port {
	if p[0] == 0 {
		return nil
	}
	list := make([]catalog.Port, 0, p[0]) // the count, which is less than 128
	return slices.AppendSeq(list, p.all())
}

// port reads a port.
func (c *cursor) port() catalog.Port {
	p := catalog.Port{Port: uint16(c.number()), Protocol: catalog.ProtocolTCP}
	length := int(c.number())
	if length&1 != 0 {
		p.Protocol = catalog.ProtocolUDP
	}
	p.Name = c.take(length >> 1)
	return p
}
