package wire

import "encoding/binary"

// Append appends to buf the answer to a query that has the records at the places that
// order says, in that order, and their glue, as far as they fit. Of those that don't
// fit order need not have more than one. Records are there whole: glue is left out
// before answers, and that of a target whole (RFC 2181, 9). TC is set where answers are
// missing that the client can ask for by TCP. The OPT record is the last one.
func (p *Packed) Append(buf []byte, q *Query, order []uint32, r *Reply) []byte {
	m := message{base: len(buf), buf: q.appendHead(buf), room: len(buf) + r.Size}
	if q.EDNS {
		m.room -= optSize + len(r.Options)
	}
	answers := len(m.buf)
	cut := false
	for n, i := range order {
		record := p.record(i)
		if cut = len(m.buf)+len(record) > m.room; cut {
			order = order[:n]
			break
		}
		m.buf = append(m.buf, record...)
		if n >= r.Sampled {
			equalize(m.buf[len(m.buf)-len(record):])
		}
	}
	glue := 0
	if !cut && p.groups != nil {
		glue = p.appendGlue(&m, answers, order, r.groups(len(p.glueEnds)+1))
	}
	if q.EDNS {
		m.buf = q.appendOPT(m.buf, r)
		glue++
	}
	head := m.buf[m.base:]
	if cut && r.Datagram {
		head[2] |= bitTC >> 8
	}
	binary.BigEndian.PutUint16(head[6:], uint16(len(order)))
	binary.BigEndian.PutUint16(head[10:], uint16(glue))
	return m.buf
}

// equalize gives an SRV record the weight of those that are a sample.
func equalize(record []byte) {
	const weight = 100 // that of instances which state none
	if binary.BigEndian.Uint16(record[2:]) == typeSRV {
		binary.BigEndian.PutUint16(record[fixedSize+2:], weight)
	}
}

// message is one that is being made.
type message struct {
	buf []byte
	// base is where it begins in buf, and room where it has to end.
	base, room int
	// suffix is the offset in the message of what follows the first label of the
	// first target that has glue, or 0.
	suffix int
}

// appendGlue appends the glue of records that begin at octet at of the buffer, that of
// each target once, up to the first that doesn't fit. It notes in seen which groups are
// there, and returns how many records of glue these are.
func (p *Packed) appendGlue(m *message, at int, order []uint32, seen []uint64) (records int) {
	for _, i := range order {
		target := at + p.targetAt - m.base
		at += len(p.record(i))
		group := p.groups[i]
		if group == 0 || seen[group/64]&(1<<(group%64)) != 0 {
			continue
		}
		seen[group/64] |= 1 << (group % 64)
		before, n := len(m.buf), 0
		for glue := span(p.glue, p.glueEnds, group-1); len(glue) > 0; n++ {
			size := fixedSize - 2 + int(binary.BigEndian.Uint16(glue[8:]))
			m.appendTarget(target)
			m.buf = append(m.buf, glue[:size]...)
			glue = glue[size:]
		}
		if len(m.buf) > m.room {
			m.buf = m.buf[:before]
			break
		}
		records += n
	}
	return records
}

// appendTarget appends the name at an offset in the message, as short as it can be: as
// a pointer, or where that doesn't reach, as its first label and a pointer to the
// others, which targets have in common.
func (m *message) appendTarget(offset int) {
	name := m.buf[m.base+offset:]
	label := 1 + int(name[0])
	if m.suffix == 0 {
		m.suffix = offset + label
	}
	if offset <= maxPointer {
		m.buf = binary.BigEndian.AppendUint16(m.buf, pointer|uint16(offset))
		return
	}
	rest := name[label:nameSize(name)]
	if common := m.buf[m.base+m.suffix:]; m.suffix <= maxPointer && string(rest) == string(common[:nameSize(common)]) {
		m.buf = binary.BigEndian.AppendUint16(append(m.buf, name[:label]...), pointer|uint16(m.suffix))
		return
	}
	m.buf = append(m.buf, name[:label+len(rest)]...)
}
