package wire

import (
	"bytes"
	"encoding/binary"
)

const (
	typeSOA = 6
	// soaNumbers is the size of what follows the names in an SOA record's data, of
	// which the serial is the first number.
	soaNumbers = 5 * 4
)

// Negative makes the answers of a zone that a name has no records of a type: NOERROR
// with the zone's SOA record (RFC 2308, 2.2). It is immutable.
type Negative struct {
	zone    []byte
	ttl     uint32
	names   [2][]byte // of the primary server and of who runs the zone
	numbers []byte
}

// NewNegative returns what makes the answers of a zone whose name is in presentation
// form, and that has an SOA record with a TTL in seconds and data in wire form.
func NewNegative(zone string, ttl uint32, data []byte) Negative {
	n := Negative{ttl: ttl}
	var ok bool
	if n.zone, ok = AppendName(nil, zone); !ok {
		return Negative{} // no name in it is asked for here
	}
	for i := range n.names {
		size := nameSize(data)
		n.names[i], data = data[:size], data[size:]
	}
	n.numbers = data
	return n
}

// Append appends to buf the answer to a query about a name in the zone. It reports false
// if that has no room.
func (n *Negative) Append(buf []byte, q *Query, serial uint32, r *Reply) ([]byte, bool) {
	m := message{base: len(buf), buf: q.appendHead(buf), room: len(buf) + r.Size}
	zone := headerSize + len(q.Question) - 4 - len(n.zone)
	if bytes.Equal(n.zone, m.buf[m.base+zone:][:len(n.zone)]) && len(n.zone) > 1 {
		m.buf = binary.BigEndian.AppendUint16(m.buf, pointer|uint16(zone))
	} else { // the client spells it in another way
		zone = len(m.buf) - m.base
		m.buf = append(m.buf, n.zone...)
	}
	m.buf = appendRecord(m.buf, &Record{Type: typeSOA, TTL: n.ttl})
	start := len(m.buf)
	for _, name := range n.names {
		m.appendBelow(name, n.zone, zone)
	}
	m.buf = append(m.buf, n.numbers...)
	binary.BigEndian.PutUint16(m.buf[start-2:], uint16(len(m.buf)-start))
	binary.BigEndian.PutUint32(m.buf[len(m.buf)-soaNumbers:], serial)
	head := m.buf[m.base:]
	head[9] = 1 // in the authority section
	if q.EDNS {
		head[11] = 1
		m.buf = q.appendOPT(m.buf, r)
	}
	return m.buf, len(m.buf) <= m.room
}

// appendBelow appends a name as short as it can be by a zone that is at an offset in the
// message.
func (m *message) appendBelow(name, zone []byte, offset int) {
	for n := 0; len(zone) > 1 && len(name)-n >= len(zone); n += 1 + int(name[n]) {
		if bytes.Equal(name[n:], zone) {
			m.buf = binary.BigEndian.AppendUint16(append(m.buf, name[:n]...), pointer|uint16(offset))
			return
		}
	}
	m.buf = append(m.buf, name...)
}
